//! From the compiled browser half to what a browser loads: one module that every page needs, one for each lazy page, chunks that
//! several pages share, and the JavaScript between them. Does what `cargo leptos build --split` does, without the rest of it.
//!
//! `windfirm-front INPUT.wasm FOLDER NAME` writes into FOLDER:
//! `NAME.js` and `NAME_bg.wasm` (the entry), `split_*.wasm` and `chunk_*.wasm`, the loader, and the manifest by which the
//! server tells the browser early which of them a page needs.

use std::{error::Error, path::Path, process::ExitCode};

/// The names under which Leptos looks for them where file names carry no digests.
const LOADER: &str = "./__wasm_split.______________________.js";
const MANIFEST: &str = "__wasm_split_manifest.json";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = arguments.as_slice() else {
        return fail("three arguments are needed: the compiled wasm, a folder to write to, and a name");
    };
    match take_apart(Path::new(input), Path::new(folder), name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "a command that is read on a terminal")]
fn fail(why: &str) -> ExitCode {
    eprintln!("windfirm-front: {why}");
    ExitCode::FAILURE
}

fn take_apart(input: &Path, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let compiled = std::fs::read(input).map_err(|error| format!("{} cannot be read: {error}", input.display()))?;
    let entry = folder.join("entry.wasm");
    let entry_module = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(&compiled);
    options.output_dir = folder;
    options.main_out_path = &entry;
    options.link_name = LOADER;
    options.main_module = &entry_module;
    let split = wasm_split_cli_support::transform(options).map_err(|error| format!("{} cannot be split: {error:#}", input.display()))?;
    std::fs::write(folder.join(MANIFEST), serde_json::to_string_pretty(&split.prefetch_map)?)?;
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    // The parts call each other through the table that the linker exports.
    bindgen.input_path(&entry).out_name(name).web(true)?.typescript(false).keep_lld_exports(true).generate(folder)?;
    std::fs::remove_file(&entry)?;
    Ok(())
}
