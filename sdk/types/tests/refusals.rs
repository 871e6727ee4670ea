//! One test for each rule of a decoder that is about content, not about encoding.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_crypto::{Digest, merkle};
use hnchain_types::block::{Block, ExecutionResult, FinalizedBlock, Header, HeaderFields};
use hnchain_types::certificate::{Certificate, CertificateError, Statement};
use hnchain_types::record::{Record, Status};
use hnchain_types::transaction::{BodyBuilder, Outcome, Receipt, RecordKey, Transaction};
use hnchain_types::{BlockHash, DecodeError, Epoch, Height, ValidatorIndex, View, limits, proto};
use prost::Message;
use support::{CHAIN, genesis, hash, header_fields, key};

fn field<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> &'static str {
    match result.unwrap_err() {
        error @ DecodeError::Field { field, .. } => {
            assert_eq!(error.code(), "DECODE_FIELD");
            assert!(!error.message_zh().is_ascii());
            field
        }
        other => panic!("{other:?}"),
    }
}

mod transaction {
    use super::*;

    /// The refused field after a change of the envelope.
    fn envelope(change: impl FnOnce(&mut proto::Transaction)) -> &'static str {
        let mut m = proto::Transaction::decode(support::transaction().raw()).unwrap();
        change(&mut m);
        field(Transaction::decode(&m.encode_to_vec()))
    }

    /// The refused field after a change of the body.
    fn body(change: impl FnOnce(&mut proto::Body)) -> &'static str {
        let mut m = proto::Body::decode(support::body().as_slice()).unwrap();
        change(&mut m);
        field(Transaction::sign(m.encode_to_vec(), &key(10)))
    }

    #[test]
    fn envelope_lengths_and_values_are_checked() {
        assert_eq!(envelope(|t| t.public_key.truncate(32)), "public_key");
        assert_eq!(envelope(|t| t.public_key.push(0)), "public_key");
        assert_eq!(envelope(|t| t.public_key[0] = 4), "public_key");
        assert_eq!(envelope(|t| t.public_key.clear()), "public_key");
        assert_eq!(envelope(|t| t.signature.truncate(63)), "signature");
        assert_eq!(envelope(|t| t.signature.push(0)), "signature");
        assert_eq!(envelope(|t| t.hint = 2), "hint");
        assert_eq!(envelope(|t| t.body.clear()), "chain_id");
    }

    #[test]
    fn body_fields_are_checked() {
        assert_eq!(body(|b| b.chain_id = "Henan".into()), "chain_id");
        assert_eq!(body(|b| b.chain_id = "x".repeat(65)), "chain_id");
        assert_eq!(body(|b| b.salt.truncate(15)), "salt");
        assert_eq!(body(|b| b.salt.push(0)), "salt");
        assert_eq!(body(|b| b.operations.clear()), "operations");
        assert_eq!(body(|b| b.operations = vec![b.operations[0].clone(); 65]), "operations");
        assert_eq!(body(|b| b.operations[1].kind = None), "operation");
    }

    fn anchor(change: impl FnOnce(&mut proto::AnchorRecord)) -> &'static str {
        body(|b| match &mut b.operations[0].kind {
            Some(proto::operation::Kind::Anchor(a)) => change(a),
            other => panic!("{other:?}"),
        })
    }

    fn revoke(change: impl FnOnce(&mut proto::RevokeRecord)) -> &'static str {
        body(|b| match &mut b.operations[2].kind {
            Some(proto::operation::Kind::Revoke(r)) => change(r),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn operations_are_checked() {
        assert_eq!(anchor(|a| a.namespace.clear()), "namespace");
        assert_eq!(anchor(|a| a.namespace = "a/b".into()), "namespace");
        for id in ["", "a b", "a\u{3000}b", "a\u{0}", "\u{7f}", &"x".repeat(161), &"单".repeat(54)] {
            assert_eq!(anchor(|a| a.id = id.into()), "id", "{id:?}");
        }
        assert_eq!(anchor(|a| a.version = 0), "version");
        assert_eq!(anchor(|a| a.commitment.truncate(31)), "commitment");
        assert_eq!(anchor(|a| a.commitment.push(0)), "commitment");
        assert_eq!(anchor(|a| a.batch_size = (1 << 20) + 1), "batch_size");
        assert_eq!(revoke(|r| r.reason.clear()), "reason");
        assert_eq!(revoke(|r| r.reason = "x".repeat(257)), "reason");
        assert_eq!(revoke(|r| r.reason = "a\nb".into()), "reason");
        assert_eq!(revoke(|r| r.version = 0), "version");
        assert_eq!(revoke(|r| r.id = "a b".into()), "id");
    }

    #[test]
    fn the_largest_transaction_fits() {
        let id = "x".repeat(limits::RECORD_ID_BYTES);
        let name = "n".repeat(limits::NAME_BYTES);
        let mut body = BodyBuilder::new(&name, u64::MAX, u64::MAX, [1; 16]);
        for _ in 0..limits::OPERATIONS {
            body = body.revoke(&name, &id, u64::MAX, &"r".repeat(limits::REASON_BYTES));
        }
        let signed = Transaction::sign(body.encode(), &key(10)).unwrap();
        assert_eq!(signed.body().operations.len(), limits::OPERATIONS);
    }

    #[test]
    fn the_body_is_canonical_too() {
        let body = [support::body(), vec![0x78, 1]].concat();
        assert_eq!(Transaction::sign(body, &key(10)).unwrap_err(), DecodeError::NotCanonical("body"));
    }

    #[test]
    fn another_key_and_another_body_do_not_verify() {
        let tx = support::transaction();
        let own = key(10).public_key().to_verifying_key().unwrap();
        assert_eq!(tx.verify(&own), Ok(()));
        let other = key(11).public_key().to_verifying_key().unwrap();
        assert_eq!(field(tx.verify(&other)), "public_key");
        let mut m = proto::Transaction::decode(tx.raw()).unwrap();
        m.body = BodyBuilder::new(CHAIN, 1, 1, [7; 16]).anchor("trace", "1", 1, hash("x")).encode();
        let forged = Transaction::decode(&m.encode_to_vec()).unwrap();
        assert_eq!(field(forged.verify(&own)), "signature");
    }

    #[test]
    fn the_id_covers_signer_and_body_and_neither_signature_nor_hint() {
        let tx = support::transaction();
        let by_another = Transaction::sign(support::body(), &key(11)).unwrap();
        assert_ne!(tx.id(), by_another.id());
        let mut m = proto::Transaction::decode(tx.raw()).unwrap();
        m.signature[0] ^= 1;
        assert_eq!(Transaction::decode(&m.encode_to_vec()).unwrap().id(), tx.id());
        let mut m = proto::Transaction::decode(tx.raw()).unwrap();
        m.hint ^= 1;
        let other_hint = Transaction::decode(&m.encode_to_vec()).unwrap();
        assert_eq!(other_hint.id(), tx.id());
        assert_eq!(other_hint.verify(&key(10).public_key().to_verifying_key().unwrap()), Ok(()));
    }

    /// Two ids that look alike to a person are two records, so that one could be proven absent beside the other.
    #[test]
    fn ids_have_one_form_and_nothing_that_people_cannot_see() {
        let hidden =
            ["a\u{200b}", "a\u{202e}b", "\u{feff}a", "a\u{00ad}", "a\u{e0041}", "a\u{fe0f}", "a\u{2800}", "\u{3164}"];
        let twice = ["e\u{301}", "\u{e9}", "\u{ff21}", "豫（2023）1", "\u{f900}", "\u{212b}", "А1", "a\u{9b}"];
        for id in hidden.into_iter().chain(twice) {
            assert_eq!(field(RecordKey::new("trace", id)), "id", "{id:?}");
        }
        for id in ["~!\"#%/\\", "豫(2023)郑州市不动产权第0000001号", "豫政〔2024〕1号", "𠮷〇·批次-1"]
        {
            assert!(RecordKey::new("trace", id).is_ok(), "{id}");
        }
    }

    #[test]
    fn texts_for_people_have_no_hidden_or_reordering_characters() {
        for c in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{feff}', '\u{e0041}', '\u{85}'] {
            assert_eq!(revoke(|r| r.reason = format!("登记{c}错误")), "reason", "{c:?}");
        }
    }

    #[test]
    fn record_keys_make_state_keys() {
        assert_eq!(
            RecordKey::new("realty", "410102001001GB00001F00010001").unwrap().state_key(),
            "anchor/realty/410102001001GB00001F00010001"
        );
    }

    #[test]
    fn state_keys_read_back_and_ids_may_hold_slashes() {
        let key = RecordKey::new("certificate", "a/b/1").unwrap();
        assert_eq!(RecordKey::of_state_key(&key.state_key()), Some(key));
        for other in [
            "anchor/certificate",
            "anchor/certificate/",
            "anchor//a",
            "history/certificate/a/1",
            "org/henan",
            "anchor/A/a",
        ] {
            assert_eq!(RecordKey::of_state_key(other), None, "{other}");
        }
    }
}

mod receipt {
    use super::*;

    fn refused(change: impl FnOnce(&mut proto::Receipt), of: &Receipt) -> &'static str {
        let mut m = proto::Receipt::decode(of.raw()).unwrap();
        change(&mut m);
        field(Receipt::decode(&m.encode_to_vec()))
    }

    #[test]
    fn position_and_outcome_are_checked() {
        let accepted = support::accepted();
        assert_eq!(refused(|r| r.transaction_id.truncate(31), &accepted), "transaction_id");
        assert_eq!(refused(|r| r.height = 0, &accepted), "height");
        assert_eq!(refused(|r| r.index = 10_000, &accepted), "index");
        assert_eq!(refused(|r| r.outcome = None, &accepted), "outcome");
    }

    fn events(change: impl FnOnce(&mut Vec<proto::Event>)) -> &'static str {
        refused(
            |r| match &mut r.outcome {
                Some(proto::receipt::Outcome::Accepted(a)) => change(&mut a.events),
                other => panic!("{other:?}"),
            },
            &support::accepted(),
        )
    }

    fn record(change: impl FnOnce(&mut proto::RecordChanged)) -> &'static str {
        events(|e| match &mut e[0].kind {
            Some(proto::event::Kind::Record(r)) => change(r),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn events_are_known_bounded_and_well_formed() {
        assert_eq!(events(|e| *e = vec![e[0].clone(); 65]), "events");
        assert_eq!(events(|e| e[0].kind = None), "event");
        assert_eq!(record(|r| r.namespace = "A".into()), "namespace");
        assert_eq!(record(|r| r.id = "a b".into()), "id");
        assert_eq!(record(|r| r.version = 0), "version");
        for status in [0, 3, -1, i32::MAX] {
            assert_eq!(record(|r| r.status = status), "status", "{status}");
        }
    }

    fn rejection(change: impl FnOnce(&mut proto::Rejection)) -> &'static str {
        refused(
            |r| match &mut r.outcome {
                Some(proto::receipt::Outcome::Rejected(r)) => change(r),
                other => panic!("{other:?}"),
            },
            &support::rejected(),
        )
    }

    #[test]
    fn rejections_are_bounded_and_well_formed() {
        for code in ["", "lower", "A B", "码", &"A".repeat(65)] {
            assert_eq!(rejection(|r| r.code = code.into()), "code", "{code}");
        }
        for message in ["", "a\u{1b}[31mb", &"x".repeat(1025)] {
            assert_eq!(rejection(|r| r.message = message.into()), "message");
            assert_eq!(rejection(|r| r.message_zh = message.into()), "message_zh");
        }
        assert_eq!(rejection(|r| r.operation = 64), "operation");
    }

    #[test]
    fn the_largest_receipt_fits() {
        let event = proto::Event {
            kind: Some(proto::event::Kind::Record(proto::RecordChanged {
                namespace: "n".repeat(limits::NAME_BYTES),
                id: "x".repeat(limits::RECORD_ID_BYTES),
                version: u64::MAX,
                status: 2,
            })),
        };
        let outcome = Outcome::Accepted(vec![event; limits::OPERATIONS]);
        let receipt = Receipt::new(support::zero_id(), Height(u64::MAX), 8_191, outcome);
        assert_eq!(Receipt::decode(receipt.raw()), Ok(receipt));
    }

    #[test]
    fn accepted_says_whether_the_transaction_was_applied() {
        assert!(support::accepted().accepted() && !support::rejected().accepted());
    }
}

mod header {
    use super::*;

    fn refused(change: impl FnOnce(&mut proto::Header)) -> &'static str {
        let mut m = proto::Header::decode(support::header().raw()).unwrap();
        change(&mut m);
        field(Header::decode(&m.encode_to_vec()))
    }

    #[test]
    fn hashes_have_thirty_two_bytes() {
        assert_eq!(refused(|h| h.genesis.truncate(31)), "genesis");
        assert_eq!(refused(|h| h.parent.push(0)), "parent");
        assert_eq!(refused(|h| h.payload_root.clear()), "payload_root");
        assert_eq!(refused(|h| h.skips_root.truncate(1)), "skips_root");
        assert_eq!(refused(|h| h.validators_hash.push(0)), "validators_hash");
    }

    #[test]
    fn a_header_is_above_the_genesis_and_after_its_parent() {
        assert_eq!(refused(|h| h.height = 0), "header");
        assert_eq!(refused(|h| h.parent_view = h.view), "header");
        assert_eq!(refused(|h| h.view = 0), "header");
    }

    /// Whoever reads a header may count on: the next height, view and epoch exist, and the time is a date.
    #[test]
    fn numbers_have_successors() {
        let top = i64::MAX as u64;
        assert_eq!(refused(|h| h.height = top + 1), "header");
        assert_eq!(refused(|h| h.height = u64::MAX), "header");
        assert_eq!(refused(|h| h.view = u64::MAX), "header");
        assert_eq!(refused(|h| h.epoch = u64::MAX), "header");
        assert_eq!(refused(|h| h.time_ms = u64::MAX), "header");
        assert_eq!(refused(|h| h.time_ms = limits::TIME_MS + 1), "header");
        let mut m = proto::Header::decode(support::header().raw()).unwrap();
        (m.height, m.view, m.epoch, m.time_ms) = (top, top, top, limits::TIME_MS);
        assert!(Header::decode(&m.encode_to_vec()).is_ok());
    }

    #[test]
    fn every_field_changes_the_hash() {
        type Change = fn(&mut HeaderFields);
        let changes: [Change; 10] = [
            |h| h.genesis.0.0[0] ^= 1,
            |h| h.epoch = h.epoch.next(),
            |h| h.view = h.view.next(),
            |h| h.height = h.height.next(),
            |h| h.parent.0.0[0] ^= 1,
            |h| h.parent_view = h.parent_view.next(),
            |h| h.time_ms += 1,
            |h| h.payload_root.0[0] ^= 1,
            |h| h.skips_root.0[0] ^= 1,
            |h| h.validators.0.0[0] ^= 1,
        ];
        let hashes: std::collections::BTreeSet<_> = changes
            .into_iter()
            .map(|change| {
                let mut fields = header_fields();
                change(&mut fields);
                Header::new(fields).hash()
            })
            .chain([support::header().hash()])
            .collect();
        assert_eq!(hashes.len(), 11);
    }
}

mod block {
    use super::*;

    #[test]
    fn transactions_are_those_of_the_header() {
        let mut other = support::transactions();
        other.swap(0, 1);
        assert_eq!(field(Block::new(support::header(), other, support::skips())), "payload_root");
        assert_eq!(field(Block::new(support::header(), Vec::new(), support::skips())), "payload_root");
        let many = vec![Vec::new(); limits::BLOCK_TRANSACTIONS + 1];
        assert_eq!(field(Block::new(support::header(), many, support::skips())), "transactions");
        let large = vec![vec![0; limits::BLOCK_BYTES + 1]];
        assert_eq!(field(Block::new(support::header(), large, support::skips())), "transactions");
    }

    fn with_skips(skips: Vec<Certificate>) -> &'static str {
        field(Block::new(support::header(), support::transactions(), skips))
    }

    #[test]
    fn skips_are_one_nullification_for_each_view_between() {
        let good = support::skips();
        assert_eq!(with_skips(Vec::new()), "skips");
        assert_eq!(with_skips(good[..1].to_vec()), "skips");
        assert_eq!(with_skips([good.clone(), good.clone()].concat()), "skips");
        assert_eq!(with_skips(vec![good[1].clone(), good[0].clone()]), "skips");
        let notarized = support::certificate(Statement::Notarize { block: BlockHash(hash("x")) }, 5, &[0, 1, 2]);
        assert_eq!(with_skips(vec![good[0].clone(), notarized]), "skips");
        let mut other_epoch = good.clone();
        other_epoch[1].epoch = Epoch(1);
        assert_eq!(with_skips(other_epoch), "skips");
        let other_signers = support::certificate(Statement::Nullify, 5, &[0, 1, 2]);
        assert_eq!(with_skips(vec![good[0].clone(), other_signers]), "skips_root");
    }

    #[test]
    fn impossible_views_are_refused_and_do_not_overflow() {
        for (view, parent_view) in [(0, 0), (0, u64::MAX), (3, 3), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
            let header =
                Header::new(HeaderFields { view: View(view), parent_view: View(parent_view), ..header_fields() });
            assert_eq!(field(Block::new(header, support::transactions(), support::skips())), "skips");
        }
        let header =
            Header::new(HeaderFields { view: View(u64::MAX), parent_view: View(u64::MAX - 1), ..header_fields() });
        assert_eq!(field(Block::new(header, support::transactions(), Vec::new())), "skips_root");
    }

    #[test]
    fn a_block_that_follows_its_parent_at_once_has_no_skips() {
        let fields = HeaderFields {
            view: View(4),
            skips_root: hnchain_types::block::skips_root::<Vec<u8>>(&[]),
            ..header_fields()
        };
        let block = Block::new(Header::new(fields), support::transactions(), Vec::new()).unwrap();
        assert_eq!(Block::decode(&block.encode()), Ok(block));
    }

    #[test]
    fn too_many_skips_are_refused_before_they_are_read() {
        let m = proto::Block {
            header: support::header().raw().to_vec(),
            transactions: support::transactions(),
            skips: vec![vec![1]; limits::SKIPS + 1],
        };
        assert_eq!(field(Block::decode(&m.encode_to_vec())), "skips");
    }

    fn finalized(change: impl FnOnce(&mut proto::FinalizedBlock)) -> &'static str {
        let mut m = proto::FinalizedBlock::decode(support::finalized().encode().as_slice()).unwrap();
        change(&mut m);
        field(FinalizedBlock::decode(&m.encode_to_vec()))
    }

    #[test]
    fn a_finalized_block_is_consistent() {
        assert_eq!(finalized(|f| f.block = None), "block");
        assert_eq!(finalized(|f| f.result.clear()), "state_root");
        assert_eq!(finalized(|f| f.receipts.clear()), "receipts");
        assert_eq!(finalized(|f| f.receipts.swap(0, 1)), "receipts");
        let wrong = [
            support::notarization(),
            support::certificate(Statement::Nullify, 6, &[0, 1, 2]),
            support::certificate(support::finalization().statement, 7, &[0, 1, 2]),
            Certificate { epoch: Epoch(1), ..support::finalization() },
        ];
        for certificate in wrong {
            assert_eq!(finalized(|f| f.certificate = certificate.encode()), "certificate");
        }
        let other_result = ExecutionResult::new(
            support::result().state_root,
            merkle::root(&support::receipts()),
            support::no_validators(),
        );
        assert_eq!(finalized(|f| f.result = other_result.raw().to_vec()), "certificate");
    }

    #[test]
    fn the_certificate_of_a_finalized_block_may_be_absent() {
        let bare = FinalizedBlock { certificate: None, ..support::finalized() };
        assert_eq!(FinalizedBlock::decode(&bare.encode()), Ok(bare));
    }

    #[test]
    fn results_have_hashes_of_thirty_two_bytes() {
        for at in 0..3 {
            let mut parts = vec![vec![1; 32]; 3];
            parts[at].pop();
            let m = proto::ExecutionResult {
                state_root: parts[0].clone(),
                receipts_root: parts[1].clone(),
                next_validators_hash: parts[2].clone(),
            };
            let names = ["state_root", "receipts_root", "next_validators_hash"];
            assert_eq!(field(ExecutionResult::decode(&m.encode_to_vec())), names[at]);
        }
    }
}

mod certificate {
    use super::*;

    fn refused(of: &Certificate, change: impl FnOnce(&mut proto::Certificate)) -> DecodeError {
        let mut m = proto::Certificate::decode(of.encode().as_slice()).unwrap();
        change(&mut m);
        Certificate::decode(&m.encode_to_vec()).unwrap_err()
    }

    #[test]
    fn kinds_have_their_own_fields() {
        let [notarize, nullify, finalize] =
            [support::notarization(), support::skips()[0].clone(), support::finalization()];
        for kind in [0, 4, -1, i32::MAX] {
            assert_eq!(field::<()>(Err(refused(&finalize, |c| c.kind = kind))), "kind", "{kind}");
        }
        assert_eq!(field::<()>(Err(refused(&notarize, |c| c.result = vec![0; 32]))), "kind");
        assert_eq!(field::<()>(Err(refused(&nullify, |c| c.block = vec![0; 32]))), "kind");
        assert_eq!(field::<()>(Err(refused(&nullify, |c| c.result = vec![0; 32]))), "kind");
        assert_eq!(field::<()>(Err(refused(&finalize, |c| c.result.clear()))), "result");
        assert_eq!(field::<()>(Err(refused(&finalize, |c| c.block.truncate(31)))), "block");
        assert_eq!(field::<()>(Err(refused(&notarize, |c| c.block.clear()))), "block");
    }

    #[test]
    fn signers_and_signatures_agree() {
        let good = support::finalization();
        assert_eq!(field::<()>(Err(refused(&good, |c| c.signatures.truncate(2)))), "signatures");
        assert_eq!(field::<()>(Err(refused(&good, |c| c.signatures.push(vec![1; 64])))), "signatures");
        assert_eq!(field::<()>(Err(refused(&good, |c| c.signers = vec![0x0f]))), "signatures");
        assert_eq!(
            field::<()>(Err(refused(&good, |c| (c.signers, c.signatures) = (Vec::new(), Vec::new())))),
            "signatures"
        );
        assert_eq!(field::<()>(Err(refused(&good, |c| c.signatures[1].truncate(63)))), "signature");
        assert_eq!(field::<()>(Err(refused(&good, |c| c.signers = vec![0xff; 17]))), "signers");
        // A bitmap with an empty byte at its end would be a second encoding of one certificate.
        assert_eq!(refused(&good, |c| c.signers.push(0)), DecodeError::NotCanonical("certificate"));
    }

    #[test]
    fn a_certificate_of_the_largest_set_fits() {
        let votes = (0..128).map(|i| (ValidatorIndex(i), support::finalization().votes[0].1)).collect();
        let full = Certificate { votes, epoch: Epoch(u64::MAX), view: View(u64::MAX), ..support::finalization() };
        assert_eq!(Certificate::decode(&full.encode()), Ok(full));
    }

    fn verify(certificate: &Certificate) -> Result<(), CertificateError> {
        certificate.verify(genesis().digest(), genesis().validators())
    }

    #[test]
    fn a_quorum_of_own_signatures_verifies_and_nothing_less() {
        let good = support::finalization();
        assert_eq!(verify(&good), Ok(()));
        let mut few = good.clone();
        few.votes.pop();
        assert_eq!(verify(&few), Err(CertificateError::Quorum { got: 2, needed: 3 }));
        let mut repeated = good.clone();
        repeated.votes[1] = repeated.votes[0];
        assert_eq!(verify(&repeated), Err(CertificateError::Signers));
        let mut unordered = good.clone();
        unordered.votes.swap(0, 1);
        assert_eq!(verify(&unordered), Err(CertificateError::Signers));
        let mut outside = good.clone();
        outside.votes[2].0 = ValidatorIndex(4);
        assert_eq!(verify(&outside), Err(CertificateError::Signers));
        let mut borrowed = good.clone();
        borrowed.votes[2].1 = borrowed.votes[1].1;
        assert_eq!(verify(&borrowed), Err(CertificateError::Signature(ValidatorIndex(3))));
        for error in [verify(&few), verify(&repeated), verify(&borrowed)].map(Result::unwrap_err) {
            assert!(error.code().starts_with("CERTIFICATE_") && !error.message_zh().is_ascii());
        }
    }

    #[test]
    fn signatures_are_bound_to_chain_epoch_view_and_statement() {
        let good = support::finalization();
        let Statement::Finalize { block, result } = good.statement else { panic!("a finalization") };
        let changed = [
            Certificate { epoch: Epoch(1), ..good.clone() },
            Certificate { view: View(7), ..good.clone() },
            Certificate { statement: Statement::Notarize { block }, ..good.clone() },
            Certificate { statement: Statement::Nullify, ..good.clone() },
            Certificate { statement: Statement::Finalize { block: BlockHash(result.0), result }, ..good.clone() },
        ];
        for certificate in changed {
            assert_eq!(verify(&certificate), Err(CertificateError::Signature(ValidatorIndex(0))));
        }
        let other_chain = hnchain_types::GenesisDigest(Digest::ZERO);
        assert!(good.verify(other_chain, genesis().validators()).is_err());
    }
}

mod record {
    use super::*;

    fn refused(version: u64, change: impl FnOnce(&mut proto::Record)) -> &'static str {
        let mut m = support::record_row(version);
        change(&mut m);
        field(Record::decode(&m.encode_to_vec()))
    }

    #[test]
    fn rows_are_read_into_typed_fields() {
        let first = Record::decode(&support::record_row(1).encode_to_vec()).unwrap();
        assert_eq!(first.key.state_key(), "anchor/certificate/1.2.156.3005.2.1");
        assert_eq!((first.version, first.status, first.height), (1, Status::Active, Height(5)));
        assert_eq!((first.previous, first.reason), (None, None));
        let third = Record::decode(&support::record_row(3).encode_to_vec()).unwrap();
        assert_eq!(third.status, Status::Revoked);
        assert_eq!(third.reason.as_deref(), Some("登记错误"));
        assert_eq!(third.previous, Some(hnchain_types::record::row_hash(b"the row before")));
        assert_eq!((third.status.to_string(), third.status.name_zh()), ("revoked".to_owned(), "已撤销"));
    }

    #[test]
    fn every_field_is_checked() {
        assert_eq!(refused(1, |r| r.namespace = "A".into()), "namespace");
        assert_eq!(refused(1, |r| r.id = "a b".into()), "id");
        assert_eq!(refused(1, |r| r.commitment.truncate(31)), "commitment");
        assert_eq!(refused(1, |r| r.batch_size = limits::BATCH_RECORDS + 1), "batch_size");
        assert_eq!(refused(1, |r| r.organization.clear()), "organization");
        assert_eq!(refused(1, |r| r.height = 0), "height");
        assert_eq!(refused(1, |r| r.transaction_id.push(0)), "transaction_id");
        for status in [0, 3, -1] {
            assert_eq!(refused(1, |r| r.status = status), "status");
        }
    }

    #[test]
    fn version_and_predecessor_belong_together() {
        assert_eq!(refused(1, |r| r.previous = vec![0; 32]), "previous");
        assert_eq!(refused(2, |r| r.previous.clear()), "previous");
        assert_eq!(refused(2, |r| r.previous.truncate(31)), "previous");
        assert_eq!(refused(2, |r| r.version = 0), "version");
    }

    #[test]
    fn status_and_reason_belong_together() {
        assert_eq!(refused(2, |r| r.reason = "why".into()), "reason");
        assert_eq!(refused(3, |r| r.reason.clear()), "reason");
        assert_eq!(refused(3, |r| r.reason = "x".repeat(257)), "reason");
        let status = refused(1, |r| {
            r.status = 2;
            r.reason = "why".into();
        });
        assert_eq!(status, "status");
    }
}

#[test]
fn every_refusal_has_a_stable_code_and_two_languages() {
    let errors = [
        (
            DecodeError::TooLarge { what: "header", got: 2, max: 1 },
            "DECODE_TOO_LARGE",
            "区块头：2 字节，最多允许 1 字节",
        ),
        (DecodeError::Malformed { what: "block", why: "x".into() }, "DECODE_MALFORMED", "区块：格式错误：x"),
        (
            DecodeError::NotCanonical("receipt"),
            "DECODE_NOT_CANONICAL",
            "回执：不是规范编码；已知字段须按顺序各编码一次，不写默认值",
        ),
    ];
    for (error, code, zh) in errors {
        assert_eq!((error.code(), error.message_zh().as_str()), (code, zh));
    }
}
