//! The C interface of vis-à-vis.
