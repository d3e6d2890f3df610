//! The registry's files see that a model checker runs them.

fn main() {
    println!("cargo::rustc-cfg=loom");
}
