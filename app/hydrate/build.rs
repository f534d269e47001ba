//! What the linker must leave in the browser half so that it can be taken apart by page (`deploy/front`).

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        // Which code needs which: without it there is nothing to split by.
        println!("cargo:rustc-link-arg-cdylib=--emit-relocs");
        // Merged strings would all stay with the entry, whichever page they belong to.
        println!("cargo:rustc-link-arg-cdylib=--no-merge-data-segments");
    }
}
