//! The command line of Deskclerk: hands over to `deskclerk::cli`, never does anything itself.
fn main() {}
