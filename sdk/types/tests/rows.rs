//! Rows by their keys: what a proof of a row opens.
#![allow(clippy::unwrap_used)]

mod support;

use hnchain_types::credential::{State, certificate_type_key, credential_key, history_key};
use hnchain_types::governance::{VALIDATORS_KEY, epoch_key, evidence_key, proposal_key};
use hnchain_types::realty::{Terms, burden_key, entry_key, unit_key};
use hnchain_types::rows::{Row, certificate_key};
use support::{credential, governance, realty};

/// Rows, each under every key that it may have.
fn rows() -> Vec<(String, Vec<u8>)> {
    let row = credential::row(1, State::Valid);
    let (kind, unit) = (credential::certificate_type(), realty::unit());
    let entry = realty::entry(false);
    let burden = realty::burden(Terms::Mortgage { transfer_forbidden: true });
    let (epoch, proposal, evidence) =
        (governance::epoch_row(), governance::proposal(false), governance::evidence_row());
    vec![
        (credential_key(&row.id), row.encode()),
        (history_key(&row.id, row.sequence), row.encode()),
        (certificate_type_key(&kind.code), kind.encode()),
        (unit_key(&unit.code), unit.encode()),
        (entry_key(&entry.unit, entry.number), entry.encode()),
        (burden_key(&burden.unit, burden.kind(), burden.number), burden.encode()),
        (VALIDATORS_KEY.to_owned(), epoch.encode()),
        (epoch_key(epoch.epoch), epoch.encode()),
        (proposal_key(&proposal.id), proposal.encode()),
        (evidence_key(evidence.evidence.epoch(), &evidence.offender), evidence.encode()),
    ]
}

#[test]
fn a_row_is_read_under_its_own_key_and_under_no_other() {
    let rows = rows();
    for (key, raw) in &rows {
        let row = Row::decode(key, raw).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert!(!row.kind().0.is_empty() && serde_json::to_value(&row).unwrap().is_object(), "{key}");
        assert!(Row::decode(&format!("{key}x"), raw).is_err(), "{key}");
        for (other, _) in rows.iter().filter(|(other, value)| other != key && value != raw) {
            assert!(Row::decode(other, raw).is_err(), "{key} under {other}");
        }
    }
}

#[test]
fn keys_of_nothing_and_damaged_rows_are_refused() {
    let (key, raw) = rows().swap_remove(0);
    for nothing in
        ["", "params", "anchor", "certificate", "realty/holder/x/y", "trace/recalls", "certificate-holder/a/b"]
    {
        assert!(Row::decode(nothing, &raw).is_err(), "{nothing}");
    }
    assert!(Row::decode(&key, &raw[1..]).is_err());
    assert!(certificate_key("1.2.156").is_err());
}
