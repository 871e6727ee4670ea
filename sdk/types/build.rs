//! Compiles the proto files with protox, so that no protoc is needed.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files =
        ["member", "governance", "credential", "realty", "trace", "transaction", "block", "vote", "proof", "service"]
            .map(|n| format!("hnchain/v1/{n}.proto"));
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(&files, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    if std::env::var_os("CARGO_FEATURE_RPC").is_some() {
        tonic_prost_build::configure().out_dir(&out).compile_fds_with_config(descriptors, config)?;
    } else {
        config.skip_debug(Vec::<String>::new());
        config.out_dir(&out);
        // Without `rpc` the messages are generated and the service is left out.
        let mut descriptors = descriptors;
        for file in &mut descriptors.file {
            file.service.clear();
        }
        config.compile_fds(descriptors)?;
    }
    Ok(())
}
