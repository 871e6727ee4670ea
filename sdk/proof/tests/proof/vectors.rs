//! Golden vectors: the format is frozen. To change it on purpose, run the tests with `HNCHAIN_BLESS=1`.

use crate::scene::{ABSENT, ACTIVE, REVOKED, Scene, opening};
use hnchain_proof::{Bundle, verify};

/// Compares with a file of `vectors/`, or writes it when blessed.
#[expect(clippy::disallowed_methods, reason = "a test that regenerates its files; the library has no I/O")]
fn golden(name: &str, bytes: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    if std::env::var("HNCHAIN_BLESS").is_ok() {
        std::fs::write(&path, bytes).unwrap();
    }
    let frozen = std::fs::read(&path).unwrap();
    assert!(frozen == bytes, "vectors/{name} differs: the format changed");
}

#[test]
fn the_bytes_of_bundles_are_frozen() {
    let scene = Scene::new();
    golden("genesis.json", scene.genesis.raw());
    let active = scene.bundle(ACTIVE).with_opening(opening());
    let later = Scene::after_two_changes().bundle(ACTIVE);
    let named = [
        ("active", active),
        ("revoked", scene.bundle(REVOKED)),
        ("absent", scene.bundle(ABSENT)),
        ("epoch-two", later),
    ];
    for (name, bundle) in named {
        golden(&format!("{name}.hnproof.json"), &bundle.to_json());
        golden(&format!("{name}.hnproof.hex"), format!("{}\n", hex::encode(bundle.to_proto())).as_bytes());
    }
}

#[test]
fn frozen_bundles_still_verify() {
    let trust = hnchain_types::genesis::Genesis::parse(include_bytes!("../../vectors/genesis.json")).unwrap();
    let files = [
        (include_str!("../../vectors/active.hnproof.json"), include_str!("../../vectors/active.hnproof.hex")),
        (include_str!("../../vectors/revoked.hnproof.json"), include_str!("../../vectors/revoked.hnproof.hex")),
        (include_str!("../../vectors/absent.hnproof.json"), include_str!("../../vectors/absent.hnproof.hex")),
        (include_str!("../../vectors/epoch-two.hnproof.json"), include_str!("../../vectors/epoch-two.hnproof.hex")),
    ];
    for (json, proto) in files {
        let bundle = Bundle::from_json(json.as_bytes()).unwrap();
        assert_eq!(Bundle::from_proto(&hex::decode(proto.trim_end()).unwrap()).unwrap(), bundle);
        verify(&bundle, &trust).unwrap();
    }
}
