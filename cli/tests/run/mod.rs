//! Runs the binary in a folder of its own, with nothing of the caller's environment that it would read.

// Two test programs share this; neither uses all of it.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Frozen bundles and their genesis.
pub const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/proof/vectors");
pub const PASSWORD: &str = "a password for tests";

/// The binary with a clean environment.
pub fn hnchain() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_hnchain"));
    c.env_clear().stdin(Stdio::null());
    c
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("writable");
    }

    /// Runs with the password in the environment.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    pub fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        Ran::of(hnchain().current_dir(folder).args(args).output().expect("runs"))
    }

    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = hnchain()
            .current_dir(self.path(""))
            .env("HNCHAIN_KEY_PASSWORD", PASSWORD)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // The process may end without reading its input.
        let _unread = child.stdin.take().expect("piped").write_all(input);
        Ran::of(child.wait_with_output().expect("ends"))
    }
}

pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout_text(), self.stderr);
        self
    }

    /// On standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        self
    }

    /// On standard output.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout_text().contains(text), "{text:?} is not in: {}", self.stdout_text());
        self
    }

    #[track_caller]
    pub fn prints_nothing(self) -> Self {
        assert!(self.stdout.is_empty(), "standard output is for results: {}", self.stdout_text());
        self
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).expect("standard output is JSON")
    }

    #[track_caller]
    pub fn error_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stderr).expect("standard error is JSON")
    }
}
