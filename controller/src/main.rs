//! `stoker-controller`.

fn main() {}
