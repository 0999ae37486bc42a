//! Tells the crate which compiler builds it, for `contato_build_info`.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").expect("cargo names the compiler");
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("the compiler says its version");
    let version = String::from_utf8_lossy(&version.stdout);
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let number = version.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=CONTATO_RUSTC={number}");
}
