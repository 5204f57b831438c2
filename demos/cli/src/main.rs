//! The program `visavis`.
fn main() {}
