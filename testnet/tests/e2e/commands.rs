//! The program `hnchain-testnet` as people use it.

use crate::harness::{PATIENCE, serial, wait_for};
use hnchain_testnet::manifest::Manifest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn testnet(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hnchain-testnet")).args(arguments).arg("--dir").arg(directory).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Refused with this code, in both languages.
fn refused(output: &Output, code: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains(&format!("error[{code}]")) && !errors.is_ascii(), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_status_and_down_run_a_network_that_outlives_the_command() {
    let _serial = serial().await;
    let directory = tempfile::tempdir().unwrap();
    let net = directory.path().join("net");
    refused(&testnet(&["status"], &net), "TESTNET_NONE");
    refused(&testnet(&["down"], &net), "TESTNET_NONE");

    let up = json(&testnet(&["up", "--nodes", "4", "--json"], &net));
    let stop = Down(&net);
    assert_eq!(up["nodes"].as_array().unwrap().len(), 4);
    assert!(up["nodes"].as_array().unwrap().iter().all(|n| n["pid"].is_u64()));
    refused(&testnet(&["up", "--nodes", "4"], &net), "TESTNET_RUNNING");

    refused(&testnet(&["up", "--nodes", "3"], &net), "TESTNET_SIZE");

    // A node that died alone comes back beside the others, which are left as they are.
    let victim = up["nodes"][3]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let mended = loop {
        let output = testnet(&["up", "--json"], &net);
        if output.status.success() {
            break json(&output);
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the kernel takes its time with a killed process, but not so long"
        );
    };
    assert_eq!(mended["nodes"][0]["pid"], up["nodes"][0]["pid"]);
    assert_ne!(mended["nodes"][3]["pid"], up["nodes"][3]["pid"]);

    let status = json(&testnet(&["status", "--json"], &net));
    for node in status["nodes"].as_array().unwrap() {
        assert_eq!(node["status"]["connected"], 3, "{node}");
    }
    let table = testnet(&["status"], &net);
    assert!(String::from_utf8_lossy(&table.stdout).contains("node3"));

    assert_eq!(json(&testnet(&["down", "--json"], &net))["stopped"], 4);
    assert_eq!(testnet(&["status"], &net).status.code(), Some(1));
    // Up again: the same chain, the same data.
    let again = json(&testnet(&["up", "--json"], &net));
    assert_eq!(again["nodes"][0]["public_key"], up["nodes"][0]["public_key"]);
    drop(stop);
    let after: Value = serde_json::from_slice(&std::fs::read(net.join("network.json")).unwrap()).unwrap();
    assert!(after["nodes"].as_array().unwrap().iter().all(|n| n["pid"].is_null()));
}

/// Stops the network also when the test fails.
struct Down<'a>(&'a Path);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        drop(testnet(&["down"], self.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_refuses_a_foreign_directory_and_a_taken_port() {
    let _serial = serial().await;
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("letter.txt"), "mine").unwrap();
    refused(&testnet(&["up"], &foreign), "TESTNET_DIRECTORY");
    assert_eq!(std::fs::read_to_string(foreign.join("letter.txt")).unwrap(), "mine");

    let ports = hnchain_testnet::ports::choose(1, None).unwrap();
    let _taken = TcpListener::bind(("127.0.0.1", ports[0].rpc)).unwrap();
    let base = (ports[0].rpc - 1).to_string();
    let output = testnet(&["up", "--nodes", "1", "--base-port", &base], &directory.path().join("net"));
    refused(&output, "TESTNET_PORT");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&ports[0].rpc.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn demo_anchors_and_verifies_and_says_so() {
    let _serial = serial().await;
    let directory = tempfile::tempdir().unwrap();
    let demo = directory.path().join("demo");
    let report = json(&testnet(&["demo", "--json", "--records", "5"], &demo));
    assert_eq!(report["summary"]["ok"], true, "{report:#}");
    assert_eq!(report["summary"]["verified"], 15);
    assert_eq!(report["records"].as_array().unwrap().len(), 15);
    assert!(report["refusals"].as_array().unwrap().iter().all(|r| r["ok"] == true), "{report:#}");
    assert!(demo.join("bundles/certificate/001-business-licence.hnproof.json").is_file());
    // A second demo does not write over the first.
    refused(&testnet(&["demo", "--records", "1"], &demo), "TESTNET_DIRECTORY");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_that_is_interrupted_or_killed_leaves_no_process_behind() {
    let _serial = serial().await;
    for (signal, code) in [(Signal::SIGINT, Some(130)), (Signal::SIGTERM, Some(130)), (Signal::SIGKILL, None)] {
        let directory = tempfile::tempdir().unwrap();
        let demo = directory.path().join("demo");
        let mut child = Command::new(env!("CARGO_BIN_EXE_hnchain-testnet"))
            .args(["demo", "--json", "--dir"])
            .arg(&demo)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("the demo starts four nodes", PATIENCE, async || demo.join("node3/node.pid").is_file()).await;
        let manifest = Manifest::read(&demo).unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), code, "{signal}");
        let alive = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
        let gone = async || !manifest.nodes.iter().filter_map(|n| n.pid).any(alive);
        wait_for("no node runs any more", PATIENCE, gone).await;
    }
}
