//! The binary `deskclerk`: hands over to [`deskclerk::cli`], does nothing itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    deskclerk::cli::main()
}
