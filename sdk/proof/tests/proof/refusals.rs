use crate::scene::{ABSENT, ACTIVE, BATCH, REVOKED, Scene, Tree, VERSION, genesis, opening, record, rows};
use hnchain_proof::tree::prove;
use hnchain_proof::{Bundle, Reason, Step, verify};
use hnchain_types::block::ExecutionResult;
use hnchain_types::certificate::Statement;
use hnchain_types::{Epoch, Height, ValidatorIndex, ValidatorsHash, View, proto};
use prost::Message;

type Change = fn(&Scene, &mut proto::ProofBundle);

/// Each change of the bundle of `key` is refused for its reason.
fn refused(key: &str, cases: &[(Reason, Change)]) {
    let scene = Scene::new();
    for (i, (reason, change)) in cases.iter().enumerate() {
        let mut message = scene.message(key);
        change(&scene, &mut message);
        let error = scene.judge(message).expect_err(&format!("case {i}"));
        assert_eq!(error.reason(), *reason, "case {i}: {error}");
    }
}

fn state(m: &mut proto::ProofBundle) -> &mut proto::StateProof {
    m.state.as_mut().unwrap()
}

#[test]
fn format_refuses_unknown_versions_and_fields_of_the_wrong_length() {
    refused(
        ACTIVE,
        &[
            (Reason::Version, |_, m| m.version = 2),
            (Reason::Version, |_, m| m.version = 0),
            (Reason::Field, |_, m| m.state = None),
            (Reason::Field, |_, m| m.header = vec![0; 513]),
            (Reason::Field, |_, m| m.result = vec![0; 129]),
            (Reason::Field, |_, m| m.certificate = vec![0; 20_000]),
            (Reason::Field, |_, m| state(m).value = vec![0; 21_000]),
            (Reason::Field, |_, m| state(m).key = "x".repeat(385)),
            (Reason::Field, |_, m| state(m).siblings[0].truncate(31)),
            (Reason::Field, |_, m| state(m).siblings = vec![vec![0; 32]; 257]),
            (Reason::Field, |_, m| m.path = vec![proto::EpochStep::default(); 1025]),
            (Reason::Field, |_, m| m.path = vec![proto::EpochStep { header: vec![0; 513], ..Default::default() }]),
            (Reason::Field, |_, m| m.path = vec![proto::EpochStep { result: vec![0; 129], ..Default::default() }]),
            (Reason::Field, |_, m| {
                m.path = vec![proto::EpochStep { certificate: vec![0; 20_000], ..Default::default() }];
            }),
            (Reason::Field, |_, m| {
                m.path = vec![proto::EpochStep { validators: vec![0; 20_000], ..Default::default() }];
            }),
            (Reason::Field, |_, m| state(m).leaf.as_mut().unwrap().key_hash.push(0)),
            (Reason::Field, |_, m| {
                m.opening = Some(proto::Opening { salt: vec![0; 15], document_digest: vec![0; 32] });
            }),
            (Reason::Field, |_, m| {
                m.opening = Some(proto::Opening { salt: vec![0; 16], document_digest: vec![0; 33] });
            }),
        ],
    );
}

#[test]
fn format_refuses_what_is_no_bundle_too_large_or_not_canonical() {
    let scene = Scene::new();
    let (json, proto) = (scene.bundle(ACTIVE).to_json(), scene.bundle(ACTIVE).to_proto());
    let of_json = |bytes: &[u8]| Bundle::from_json(bytes).unwrap_err().reason();
    let of_proto = |bytes: &[u8]| Bundle::from_proto(bytes).unwrap_err().reason();
    let text = String::from_utf8(json.clone()).unwrap();

    assert_eq!(of_json(b""), Reason::Malformed);
    assert_eq!(of_json(b"{}"), Reason::Malformed);
    assert_eq!(of_json(&vec![b' '; hnchain_proof::JSON_BYTES + 1]), Reason::TooLarge);
    assert_eq!(of_json(&[&json[..], b"\n"].concat()), Reason::NotCanonical);
    assert_eq!(of_json(&json[..json.len() - 1]), Reason::NotCanonical);
    assert_eq!(of_json(&[&json[..], b"{}"].concat()), Reason::Malformed);
    assert_eq!(of_json(text.replacen("  \"header\"", " \"header\"", 1).as_bytes()), Reason::NotCanonical);
    assert_eq!(of_json(text.replacen("anchor", "\\u0061nchor", 1).as_bytes()), Reason::NotCanonical);
    assert_eq!(of_json(text.replacen("hnproof/1", "hnproof/2", 1).as_bytes()), Reason::Version);
    assert_eq!(of_json(text.replacen("{\n", "{\n  \"more\": 1,\n", 1).as_bytes()), Reason::Malformed);

    assert_eq!(of_proto(&[0xff]), Reason::Malformed);
    assert_eq!(of_proto(&vec![0; hnchain_proof::PROTO_BYTES + 1]), Reason::TooLarge);
    assert_eq!(of_proto(&[&proto[..], &[0x78, 1]].concat()), Reason::NotCanonical);
    assert_eq!(of_proto(&[&proto[..], &proto[..]].concat()), Reason::NotCanonical);
    let bundle = [&scene.message(ACTIVE).encode_to_vec()[..], &[0x78, 1]].concat();
    let inner = proto::BundleFile { bundle, digest: vec![0; 32] };
    assert_eq!(of_proto(&inner.encode_to_vec()), Reason::NotCanonical);
}

#[test]
fn the_largest_bundle_that_fits_the_limits_can_be_read() {
    let scene = Scene::new();
    let mut message = scene.message(ACTIVE);
    message.header = vec![0xff; 512];
    message.result = vec![0xff; 128];
    message.certificate = vec![0xff; hnchain_types::limits::CERTIFICATE_BYTES];
    message.opening = Some(proto::Opening { salt: vec![0xff; 16], document_digest: vec![0xff; 32] });
    let step = proto::EpochStep {
        header: vec![0xff; 512],
        result: vec![0xff; 128],
        certificate: vec![0xff; hnchain_types::limits::CERTIFICATE_BYTES],
        validators: vec![0xff; hnchain_types::limits::VALIDATOR_SET_BYTES],
    };
    message.path = vec![step; hnchain_proof::STEPS];
    state(&mut message).key = "k".repeat(232);
    state(&mut message).value = vec![0xff; 1024];
    state(&mut message).siblings = vec![vec![0xff; 32]; 256];
    let bundle = Bundle::from_message(message).unwrap();
    assert_eq!(Bundle::from_json(&bundle.to_json()).unwrap(), bundle);
    assert_eq!(Bundle::from_proto(&bundle.to_proto()).unwrap(), bundle);
}

#[test]
fn genesis_refuses_a_bundle_of_another_chain() {
    let scene = Scene::new();
    // The same validators and organizations, another chain id.
    let (other, _) = genesis("henan-other");
    let error = verify(&scene.bundle(ACTIVE), &other).unwrap_err();
    assert_eq!((error.step(), error.reason()), (Step::Genesis, Reason::OtherChain));
    assert!(error.detail().contains(&other.digest().to_string()));
    // The same content, one byte more: another chain.
    let spaced = hnchain_types::genesis::Genesis::parse(&[scene.genesis.raw(), b"\n"].concat()).unwrap();
    assert_eq!(verify(&scene.bundle(ACTIVE), &spaced).unwrap_err().reason(), Reason::OtherChain);
}

#[test]
fn header_refuses_malformed_bytes_and_other_validators() {
    refused(
        ACTIVE,
        &[
            (Reason::Header, |_, m| m.header.clear()),
            (Reason::Header, |_, m| m.header.push(0)),
            (Reason::Header, |_, m| m.header.extend([0x78, 1])),
        ],
    );
    let others = Scene::with(rows(), |h| h.validators = ValidatorsHash(hnchain_crypto::sm3(b"others")));
    assert_eq!(others.judge(others.message(ACTIVE)).unwrap_err().reason(), Reason::Validators);
}

#[test]
fn result_refuses_malformed_bytes() {
    refused(ACTIVE, &[(Reason::Result, |_, m| m.result.clear()), (Reason::Result, |_, m| m.result.extend([0x78, 1]))]);
}

#[test]
fn certificate_refuses_everything_but_a_quorums_finalization_of_this_block_and_result() {
    refused(
        ACTIVE,
        &[
            (Reason::Certificate, |_, m| m.certificate.clear()),
            (Reason::Certificate, |_, m| m.certificate.extend([0x78, 1])),
            // a notarization and a nullification of the view
            (Reason::NotFinal, |s, m| {
                let statement = Statement::Notarize { block: s.header.hash() };
                m.certificate = s.certificate(statement, s.header.view, &[0, 1, 2]).encode();
            }),
            (Reason::NotFinal, |s, m| {
                m.certificate = s.certificate(Statement::Nullify, s.header.view, &[0, 1, 2]).encode();
            }),
            // votes to notarize, shown as a finalization
            (Reason::Signature, |s, m| {
                let statement = Statement::Notarize { block: s.header.hash() };
                let mut c = s.certificate(statement, s.header.view, &[0, 1, 2]);
                c.statement = s.finalize();
                m.certificate = c.encode();
            }),
            // another block, another result
            (Reason::Statement, |s, m| {
                let other = Statement::Finalize { block: s.genesis.block_hash(), result: s.result.hash() };
                m.certificate = s.certificate(other, s.header.view, &[0, 1, 2]).encode();
            }),
            (Reason::Statement, |s, m| {
                let r = &s.result;
                m.result = ExecutionResult::new(r.state_root, r.state_root.0, r.next_validators).raw().to_vec();
            }),
            // another view, honestly labelled; and signatures of another view under this one's label
            (Reason::View, |s, m| m.certificate = s.certificate(s.finalize(), View(10), &[0, 1, 2]).encode()),
            (Reason::Signature, |s, m| {
                let mut c = s.certificate(s.finalize(), View(10), &[0, 1, 2]);
                c.view = s.header.view;
                m.certificate = c.encode();
            }),
            (Reason::View, |s, m| {
                let mut c = s.certificate(s.finalize(), s.header.view, &[0, 1, 2]);
                c.epoch = Epoch(1);
                m.certificate = c.encode();
            }),
            // one signature too few
            (Reason::Quorum, |s, m| m.certificate = s.certificate(s.finalize(), s.header.view, &[0, 3]).encode()),
        ],
    );
}

#[test]
fn certificate_refuses_repeated_foreign_and_exchanged_signers() {
    refused(
        ACTIVE,
        &[
            // the same signer twice, in the list alone: the bitmap has two bits for three signatures
            (Reason::Certificate, |s, m| {
                let mut c = s.certificate(s.finalize(), s.header.view, &[0, 1]);
                c.votes.push(c.votes[1]);
                m.certificate = c.encode();
            }),
            // the same signature twice, under two bits
            (Reason::Signature, |s, m| {
                let mut c = s.certificate(s.finalize(), s.header.view, &[0, 1]);
                c.votes.push((ValidatorIndex(2), c.votes[1].1));
                m.certificate = c.encode();
            }),
            // a fifth validator of four
            (Reason::Signers, |s, m| {
                let mut c = s.certificate(s.finalize(), s.header.view, &[0, 1, 2]);
                c.votes[2].0 = ValidatorIndex(4);
                m.certificate = c.encode();
            }),
            // two signatures exchanged
            (Reason::Signature, |s, m| {
                let mut c = s.certificate(s.finalize(), s.header.view, &[0, 1, 2]);
                (c.votes[0].1, c.votes[1].1) = (c.votes[1].1, c.votes[0].1);
                m.certificate = c.encode();
            }),
        ],
    );
}

#[test]
fn state_refuses_every_path_but_the_keys_own() {
    refused(
        ACTIVE,
        &[
            (Reason::State, |_, m| state(m).key = ABSENT.to_owned()),
            (Reason::State, |_, m| state(m).value.push(0)),
            (Reason::State, |_, m| state(m).leaf = None),
            (Reason::State, |_, m| state(m).siblings.swap(0, 1)),
            (Reason::State, |_, m| drop(state(m).siblings.pop())),
            (Reason::State, |_, m| drop(state(m).siblings.remove(0))),
            (Reason::State, |_, m| state(m).siblings.push(vec![0; 32])),
            (Reason::State, |_, m| state(m).siblings.insert(0, b"SPARSE_MERKLE_PLACEHOLDER_HASH__".to_vec())),
            (Reason::State, |_, m| state(m).siblings.resize(256, vec![0; 32])),
            // another record's row with this record's path, and the other way round
            (Reason::State, |s, m| state(m).value = prove(&s.tree, VERSION, REVOKED).unwrap().value),
            (Reason::State, |s, m| {
                *state(m) = proto::StateProof { key: ACTIVE.to_owned(), ..prove(&s.tree, VERSION, REVOKED).unwrap() };
            }),
            // the row of an older state
            (Reason::State, |_, m| {
                let mut tree = Tree::default();
                tree.put(1, &[(ACTIVE.to_owned(), Some(record(ACTIVE).encode_to_vec()))].into());
                *state(m) = prove(&tree, 1, ACTIVE).unwrap();
            }),
        ],
    );
}

#[test]
fn presence_is_not_absence_and_absence_is_not_presence() {
    refused(
        ACTIVE,
        &[
            (Reason::State, |_, m| state(m).present = false),
            (Reason::State, |_, m| {
                state(m).present = false;
                state(m).value.clear();
            }),
            (Reason::State, |_, m| {
                state(m).present = false;
                state(m).value.clear();
                state(m).leaf = None;
            }),
            // the absence of another key, shown for this one
            (Reason::State, |s, m| {
                *state(m) = proto::StateProof { key: ACTIVE.to_owned(), ..prove(&s.tree, VERSION, ABSENT).unwrap() };
            }),
        ],
    );
    refused(
        ABSENT,
        &[
            (Reason::State, |_, m| state(m).present = true),
            (Reason::State, |_, m| state(m).value = record(ABSENT).encode_to_vec()),
            (Reason::State, |_, m| {
                let row = record(ABSENT).encode_to_vec();
                let value_hash = hnchain_crypto::sm3(&row).0.to_vec();
                let key_hash = hnchain_proof::tree::key_hash(ABSENT).0.to_vec();
                state(m).leaf = Some(proto::StateLeaf { key_hash, value_hash });
                state(m).value = row;
                state(m).present = true;
            }),
            (Reason::State, |_, m| state(m).key = REVOKED.to_owned()),
        ],
    );
}

#[test]
fn record_refuses_rows_that_are_no_record_even_when_certified() {
    let judge = |row: proto::Record| {
        let mut rows = rows();
        rows.insert(ACTIVE.to_owned(), row.encode_to_vec());
        let scene = Scene::with(rows, |_| ());
        scene.judge(scene.message(ACTIVE)).map_err(|e| e.reason())
    };
    assert!(judge(record(ACTIVE)).is_ok());
    assert_eq!(judge(record(REVOKED)), Err(Reason::OtherRecord));
    assert_eq!(judge(proto::Record { version: 0, ..record(ACTIVE) }), Err(Reason::Row));
    assert_eq!(judge(proto::Record { status: 7, ..record(ACTIVE) }), Err(Reason::Row));
    assert_eq!(judge(proto::Record { commitment: vec![1], ..record(ACTIVE) }), Err(Reason::Row));
    assert_eq!(judge(proto::Record { organization: "a\u{1b}[2J".into(), ..record(ACTIVE) }), Err(Reason::Row));
    assert_eq!(judge(proto::Record { batch_size: u64::MAX, ..record(ACTIVE) }), Err(Reason::Row));
    let hidden = proto::Record { reason: "登记\u{202e}错误".into(), status: 2, ..record(ACTIVE) };
    assert_eq!(judge(hidden), Err(Reason::Row));
    assert_eq!(judge(proto::Record { height: 8, ..record(ACTIVE) }), Err(Reason::Future));
    assert_eq!(judge(proto::Record { time_ms: u64::MAX, ..record(ACTIVE) }), Err(Reason::Future));

    let scene = Scene::new();
    assert_eq!(scene.judge(scene.message("org/henan")).unwrap_err().reason(), Reason::Key);
    assert_eq!(scene.judge(scene.message("anchor/certificate")).unwrap_err().reason(), Reason::Key);
    let early = Scene::with(rows(), |h| h.height = Height(4));
    assert_eq!(early.judge(early.message(ACTIVE)).unwrap_err().reason(), Reason::Future);
}

#[test]
fn opening_refuses_what_does_not_open_the_record() {
    let scene = Scene::new();
    let judge = |key, opening| {
        let error = verify(&scene.bundle(key).with_opening(opening), &scene.genesis).unwrap_err();
        assert_eq!(error.step(), Step::Opening);
        error.reason()
    };
    let mut salted = opening();
    salted.salt[0] ^= 1;
    let mut other = opening();
    other.document_digest.0[31] ^= 1;
    assert_eq!(judge(ACTIVE, salted), Reason::Opening);
    assert_eq!(judge(ACTIVE, other), Reason::Opening);
    assert_eq!(judge(BATCH, opening()), Reason::OpeningOfBatch);
    assert_eq!(judge(ABSENT, opening()), Reason::OpeningOfNone);
}

#[test]
fn digest_refuses_another_true_content_under_the_same_name() {
    let scene = Scene::new();
    let whole = scene.bundle(ACTIVE).with_opening(opening());
    // Cutting the opening off leaves a true bundle, but not this one.
    let cut = serde_json::from_slice::<serde_json::Value>(&whole.to_json()).unwrap();
    let text = String::from_utf8(whole.to_json()).unwrap();
    let (from, to) = (text.find("\"opening\"").unwrap(), text.find("\"digest\"").unwrap());
    let changed = format!("{}\"opening\": null,\n  {}", &text[..from], &text[to..]);
    let error = Bundle::from_json(changed.as_bytes()).and_then(|b| verify(&b, &scene.genesis)).unwrap_err();
    assert_eq!((error.step(), error.reason()), (Step::Digest, Reason::Digest));
    assert_eq!(cut["digest"], whole.digest().to_string());

    let file = proto::BundleFile {
        bundle: whole.clone().without_opening().to_message().encode_to_vec(),
        digest: whole.digest().0.to_vec(),
    };
    let error = Bundle::from_proto(&file.encode_to_vec()).and_then(|b| verify(&b, &scene.genesis)).unwrap_err();
    assert_eq!(error.reason(), Reason::Digest);
    let short = proto::BundleFile { digest: vec![0; 31], ..file };
    assert_eq!(Bundle::from_proto(&short.encode_to_vec()).unwrap_err().reason(), Reason::Field);
}
