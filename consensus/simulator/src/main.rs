//! `hnchain-simulator`: runs seeds.

fn main() {}
