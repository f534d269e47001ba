//! The program `windfirm`: parses, builds, serves, drains. Everything is in the library beside it.

fn main() -> std::process::ExitCode {
    windfirm::cli::main()
}
