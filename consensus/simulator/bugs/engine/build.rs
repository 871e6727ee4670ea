//! Turns the bugs on, here and nowhere else.

fn main() {
    println!("cargo::rustc-cfg=planted_bugs");
    println!("cargo::rerun-if-changed=build.rs");
}
