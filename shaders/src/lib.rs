//! Every `.wgsl` file of vis-à-vis, and the Rust mirror of each struct they share.
