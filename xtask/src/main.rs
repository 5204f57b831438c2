//! Set-up, tests and continuous integration in one place.
fn main() {}
