//! 电子证照, rule by rule: the labels of `hnchain_ledger::credential`.

use crate::scene::{CHAIN, START_MS, World, commitment, time_of};
use hnchain_crypto::{Digest, SecretKey};
use hnchain_ledger::StateView;
use hnchain_types::codes::{CertificateId, CreditCode};
use hnchain_types::credential::{
    CertificateTypeRow, Change, Content, Credential, HOLDER_MARK, Issue, Operation, Resume, State, Status, Step,
    certificate_type_key, credential_key, history_key, holder_key, row_hash,
};
use hnchain_types::genesis::{
    CertificateType, Document, Genesis, Organization, Parameters, Registry, Role, Signer, Validator,
};
use hnchain_types::limits;
use hnchain_types::proto;

/// 营业执照.
pub(crate) const LICENCE: &str = "11100000000013338W011";
/// 食品经营许可证.
pub(crate) const FOOD: &str = "11100000000013338W009";
/// Retired at [`retired_ms`].
pub(crate) const OLD: &str = "11100000000013338W001";
/// Not issued on this chain.
pub(crate) const FOREIGN: &str = "11100000000013338W777";

/// Block time from which [`OLD`] is not issued.
pub(crate) fn retired_ms() -> u64 {
    time_of(2_000)
}

/// The organizations: 河南 above 郑州 and 开封, 郑州 above 中原区; 中牟 beside them without a place in the tree.
pub(crate) const ORGANIZATIONS: [(&str, &str, Option<&str>, &str); 5] = [
    ("henan", "410000", None, "MB7X0001"),
    ("zhengzhou", "410100", Some("henan"), "MB7X0002"),
    ("kaifeng", "410200", Some("henan"), "MB7X0003"),
    ("zhongyuan", "410102", Some("zhengzhou"), "MB7X0004"),
    ("apart", "410122", None, "MB7X0005"),
];

/// 统一社会信用代码 of an organization of the scene.
pub(crate) fn credit_code(organization: &str) -> String {
    let (_, division, _, body) = ORGANIZATIONS.into_iter().find(|o| o.0 == organization).unwrap();
    CreditCode::from_parts('1', '1', division.parse().unwrap(), body).unwrap().to_string()
}

/// Organization, and what it registers: registry, type, division.
type Registrar = (&'static str, Registry, Option<&'static str>, Option<&'static str>);

/// Signers by number.
pub(crate) const SIGNERS: [Registrar; 8] = [
    ("zhengzhou", Registry::Certificate, None, Some("410100")),
    ("kaifeng", Registry::Certificate, None, Some("410200")),
    ("henan", Registry::Certificate, None, None),
    ("zhengzhou", Registry::Certificate, Some(FOOD), Some("410102")),
    ("zhongyuan", Registry::Certificate, None, Some("410102")),
    ("zhengzhou", Registry::Realty, None, None),
    ("apart", Registry::Certificate, None, None),
    ("kaifeng", Registry::Certificate, None, None),
];
pub(crate) const ZHENGZHOU: usize = 0;
pub(crate) const KAIFENG: usize = 1;
pub(crate) const HENAN: usize = 2;
pub(crate) const FOOD_OFFICE: usize = 3;
pub(crate) const ZHONGYUAN: usize = 4;
pub(crate) const REALTY: usize = 5;
pub(crate) const APART: usize = 6;
pub(crate) const KAIFENG_EVERYWHERE: usize = 7;

pub(crate) fn key(signer: usize) -> SecretKey {
    SecretKey::from_bytes(&[u8::try_from(signer).unwrap() + 100; 32]).unwrap()
}

fn genesis() -> Genesis {
    let organizations = ORGANIZATIONS.map(|(id, division, parent, _)| Organization {
        id: id.to_owned(),
        name: format!("示例机构 {id}"),
        credit_code: credit_code(id),
        division: division.to_owned(),
        parent: parent.map(str::to_owned),
    });
    let signer = |(n, (organization, registry, subject, division)): (usize, Registrar)| {
        let role = Role::Registrar {
            registry,
            subject: subject.map(str::to_owned),
            division: division.map(|d| d.parse().unwrap()),
        };
        let (public_key, organization) = (key(n).public_key(), organization.to_owned());
        Signer { public_key, organization, roles: vec![role], valid_from_ms: 0, valid_until_ms: 0 }
    };
    let kind = |code: &str| CertificateType { code: code.to_owned(), name: format!("示例证照 {code}") };
    Genesis::create(&Document {
        version: 1,
        chain_id: CHAIN.to_owned(),
        name: "河南链（示例）".to_owned(),
        time_ms: START_MS,
        parameters: Parameters::default(),
        organizations: organizations.to_vec(),
        certificate_types: [LICENCE, FOOD, OLD].map(kind).to_vec(),
        signers: SIGNERS.into_iter().enumerate().map(signer).collect(),
        validators: vec![Validator::new(CHAIN, "henan", &key(99))],
    })
    .unwrap()
}

/// The scene, with one of its types to be retired.
pub(crate) fn world() -> World {
    let mut w = World::of(&genesis());
    let mut rows = w.state.rows().clone();
    let key = certificate_type_key(OLD);
    let row = CertificateTypeRow { retired_ms: retired_ms(), ..CertificateTypeRow::decode(&rows[&key]).unwrap() };
    rows.insert(key, row.encode());
    w.state = hnchain_ledger::MemoryState::new(rows);
    w
}

/// An identifier of a licence that zhengzhou issues.
pub(crate) fn id(serial: u32, version: u16) -> CertificateId {
    id_of(LICENCE, "zhengzhou", serial, version)
}

pub(crate) fn id_of(kind: &str, organization: &str, serial: u32, version: u16) -> CertificateId {
    CertificateId::from_parts(kind, &credit_code(organization), &format!("{serial:09}"), version).unwrap()
}

/// Content that is valid from the genesis to a time, 0 for ever.
pub(crate) fn content(until: u64) -> Content {
    Content {
        valid_from_ms: START_MS,
        valid_until_ms: until,
        holder: commitment(1),
        fields_root: commitment(2),
        fields_count: 7,
    }
}

fn issue(id: CertificateId, division: &str, content: Content) -> Operation {
    Operation::Issue(Issue { id, division: division.parse().unwrap(), content })
}

fn change(previous: CertificateId, id: CertificateId) -> Operation {
    Operation::Change(Change { previous, id, content: content(0) })
}

fn suspend(id: CertificateId) -> Operation {
    Operation::Suspend(Step { id, reason: "逾期未报送年度报告".to_owned() })
}

fn revoke(id: CertificateId) -> Operation {
    Operation::Revoke(Step { id, reason: "提交虚假材料".to_owned() })
}

fn cancel(id: CertificateId) -> Operation {
    Operation::Cancel(Step { id, reason: "申请注销".to_owned() })
}

fn resume(id: CertificateId) -> Operation {
    Operation::Resume(Resume { id })
}

/// Puts operations into one transaction of a block of its own: the code of the refusal, or nothing.
pub(crate) fn put(w: &mut World, signer: usize, ops: &[Operation]) -> Result<Vec<proto::Event>, proto::Rejection> {
    let body = ops.iter().fold(w.body(), |body, op| body.operation(op.to_proto()));
    w.one(&key(signer), &body)
}

#[track_caller]
fn refused(w: &mut World, signer: usize, op: &Operation) -> String {
    put(w, signer, std::slice::from_ref(op)).unwrap_err().code
}

#[track_caller]
fn done(w: &mut World, signer: usize, op: Operation) -> proto::CredentialChanged {
    match put(w, signer, &[op]).unwrap().remove(0).kind {
        Some(proto::event::Kind::Credential(changed)) => changed,
        other => panic!("{other:?}"),
    }
}

/// A world in which zhengzhou issued the first version of licence 1, for ever.
fn issued() -> World {
    let mut w = world();
    done(&mut w, ZHENGZHOU, issue(id(1, 1), "410102", content(0)));
    w
}

fn raw(w: &World, key: &str) -> Vec<u8> {
    w.state.row(key).unwrap().unwrap_or_else(|| panic!("no row {key}"))
}

fn row(w: &World, id: &CertificateId) -> Credential {
    Credential::decode(&raw(w, &credential_key(id))).unwrap()
}

#[test]
fn an_issue_writes_the_row_and_the_holders_list() {
    let w = issued();
    let row = row(&w, &id(1, 1));
    assert_eq!((row.sequence, row.state, row.division.as_str()), (1, State::Valid, "410102"));
    assert_eq!((row.issuer.as_str(), row.organization.as_str()), ("zhengzhou", "zhengzhou"));
    assert_eq!((row.content, row.height.0, row.time_ms), (content(0), 1, time_of(1)));
    assert_eq!((row.previous_id, row.previous_row, row.reason), (None, None, None));
    assert_eq!(raw(&w, &holder_key(&commitment(1), &id(1, 1))), HOLDER_MARK);
}

#[test]
fn a_suspension_and_its_end_leave_their_rows_in_history_each_with_the_hash_of_the_one_before() {
    let mut w = issued();
    let first = raw(&w, &credential_key(&id(1, 1)));
    let event = done(&mut w, HENAN, suspend(id(1, 1)));
    assert_eq!((event.id, event.sequence, event.state), (id(1, 1).to_string(), 2, 2));
    let second = raw(&w, &credential_key(&id(1, 1)));
    let event = done(&mut w, ZHENGZHOU, resume(id(1, 1)));
    assert_eq!((event.sequence, event.state), (3, 1));
    let third = row(&w, &id(1, 1));
    assert_eq!(raw(&w, &history_key(&id(1, 1), 1)), first);
    assert_eq!(raw(&w, &history_key(&id(1, 1), 2)), second);
    assert_eq!((third.state, third.sequence, third.reason), (State::Valid, 3, None));
    assert_eq!(third.previous_row, Some(row_hash(&second)));
    let second = Credential::decode(&second).unwrap();
    assert_eq!(second.previous_row, Some(row_hash(&first)));
    assert_eq!((second.issuer.as_str(), second.organization.as_str()), ("zhengzhou", "henan"));
    assert_eq!(second.reason.as_deref(), Some("逾期未报送年度报告"));
}

#[test]
fn a_change_names_both_versions_and_chains_their_rows() {
    let mut w = issued();
    let event = done(&mut w, ZHENGZHOU, change(id(1, 1), id(1, 2)));
    assert_eq!((event.id, event.superseded), (id(1, 2).to_string(), id(1, 1).to_string()));
    let (old, new) = (row(&w, &id(1, 1)), row(&w, &id(1, 2)));
    assert_eq!((old.state, old.sequence, old.next_id.clone()), (State::Superseded, 2, Some(id(1, 2))));
    assert_eq!((new.state, new.sequence, new.previous_id), (State::Valid, 1, Some(id(1, 1))));
    assert_eq!(new.previous_row, Some(row_hash(&old.encode())));
    assert_eq!(new.division, old.division);
    assert_eq!(old.status_at(time_of(9)), Status::Superseded);
    for version in [1, 2] {
        assert_eq!(raw(&w, &holder_key(&commitment(1), &id(1, version))), HOLDER_MARK);
    }
}

#[test]
fn operations_of_a_transaction_see_each_other_and_fail_together() {
    let mut w = world();
    let ops = [issue(id(1, 1), "410102", content(0)), change(id(1, 1), id(1, 2)), suspend(id(1, 2)), resume(id(1, 2))];
    assert_eq!(put(&mut w, ZHENGZHOU, &ops).unwrap().len(), 4);
    assert_eq!(row(&w, &id(1, 2)).sequence, 3);
    let before = w.state.rows().keys().filter(|k| k.starts_with("certificate")).count();
    let ops = [revoke(id(1, 2)), issue(id(2, 1), "410102", content(0)), cancel(id(1, 2))];
    let refusal = put(&mut w, ZHENGZHOU, &ops).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.operation), ("CREDENTIAL_FINAL", 2));
    assert_eq!(w.state.rows().keys().filter(|k| k.starts_with("certificate")).count(), before);
    assert_eq!(row(&w, &id(1, 2)).state, State::Valid);
}

#[test]
fn c1_suspension_revocation_and_cancellation_say_why() {
    let mut w = issued();
    let step = || Step { id: id(1, 1), reason: String::new() };
    for op in [Operation::Suspend(step()), Operation::Revoke(step()), Operation::Cancel(step())] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_REASON");
    }
}

#[test]
fn c2_what_is_changed_exists() {
    let mut w = issued();
    for op in [
        change(id(2, 1), id(2, 2)),
        suspend(id(2, 1)),
        resume(id(1, 2)),
        revoke(id_of(FOOD, "zhengzhou", 1, 1)),
        cancel(id_of(LICENCE, "kaifeng", 1, 1)),
    ] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_NOT_FOUND");
    }
}

#[test]
fn c3_the_signer_is_a_registrar_of_the_type_and_the_division() {
    let mut w = issued();
    let others = [KAIFENG, FOOD_OFFICE, REALTY];
    for signer in others {
        for op in [change(id(1, 1), id(1, 2)), suspend(id(1, 1)), revoke(id(1, 1)), cancel(id(1, 1)), resume(id(1, 1))]
        {
            assert_eq!(refused(&mut w, signer, &op), "ROLE_MISSING", "{signer} {op:?}");
        }
    }
    for (signer, kind, division) in [
        (ZHENGZHOU, LICENCE, "410200"),
        (ZHENGZHOU, LICENCE, "410000"),
        (FOOD_OFFICE, LICENCE, "410102"),
        (FOOD_OFFICE, FOOD, "410100"),
        (REALTY, LICENCE, "410102"),
    ] {
        let op = issue(id_of(kind, "zhengzhou", 9, 1), division, content(0));
        assert_eq!(refused(&mut w, signer, &op), "ROLE_MISSING", "{signer} {kind} {division}");
    }
    done(&mut w, FOOD_OFFICE, issue(id_of(FOOD, "zhengzhou", 9, 1), "410102", content(0)));
    let abroad = issue(id_of(LICENCE, "kaifeng", 9, 1), "410102", content(0));
    done(&mut w, KAIFENG_EVERYWHERE, abroad);
    let op = suspend(id_of(LICENCE, "kaifeng", 9, 1));
    assert_eq!(refused(&mut w, KAIFENG, &op), "ROLE_MISSING", "its division is that of its row");
}

#[test]
fn c4_only_the_issuer_and_organizations_above_it_change_a_certificate() {
    let mut w = issued();
    for signer in [KAIFENG_EVERYWHERE, ZHONGYUAN, APART] {
        for op in [change(id(1, 1), id(1, 2)), suspend(id(1, 1)), resume(id(1, 1)), revoke(id(1, 1)), cancel(id(1, 1))]
        {
            assert_eq!(refused(&mut w, signer, &op), "CREDENTIAL_OWNER", "{signer} {op:?}");
        }
    }
    done(&mut w, ZHONGYUAN, issue(id_of(LICENCE, "zhongyuan", 1, 1), "410102", content(0)));
    done(&mut w, HENAN, suspend(id_of(LICENCE, "zhongyuan", 1, 1)));
    done(&mut w, ZHENGZHOU, resume(id_of(LICENCE, "zhongyuan", 1, 1)));
    let (old, new) = (id_of(LICENCE, "zhongyuan", 1, 1), id_of(LICENCE, "zhongyuan", 1, 2));
    done(&mut w, HENAN, change(old, new.clone()));
    let row = row(&w, &new);
    assert_eq!((row.issuer.as_str(), row.organization.as_str()), ("zhongyuan", "henan"), "the issuer stays");
    done(&mut w, ZHONGYUAN, cancel(new));
}

#[test]
fn c5_a_final_state_stays() {
    let ends = [revoke(id(1, 1)), cancel(id(1, 1)), change(id(1, 1), id(1, 2))];
    for end in ends {
        let mut w = issued();
        done(&mut w, ZHENGZHOU, end);
        let before = row(&w, &id(1, 1));
        for op in [change(id(1, 1), id(1, 2)), suspend(id(1, 1)), resume(id(1, 1)), revoke(id(1, 1)), cancel(id(1, 1))]
        {
            assert_eq!(refused(&mut w, HENAN, &op), "CREDENTIAL_FINAL");
        }
        assert_eq!(row(&w, &id(1, 1)), before);
    }
}

#[test]
fn c6_an_expired_certificate_is_neither_suspended_nor_resumed_but_changed_revoked_and_cancelled() {
    let mut w = world();
    for serial in 1..=5 {
        done(&mut w, ZHENGZHOU, issue(id(serial, 1), "410102", content(time_of(20))));
    }
    for serial in [4, 5] {
        done(&mut w, ZHENGZHOU, suspend(id(serial, 1)));
    }
    w.wait_until(19);
    done(&mut w, ZHENGZHOU, suspend(id(3, 1)));
    assert_eq!(w.height, 20, "the last block at which it is valid");
    for op in [suspend(id(1, 1)), resume(id(1, 1)), suspend(id(3, 1)), resume(id(3, 1))] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_EXPIRED");
    }
    assert_eq!(row(&w, &id(3, 1)).status_at(w.next_time()), Status::Expired);
    done(&mut w, ZHENGZHOU, change(id(1, 1), id(1, 2)));
    done(&mut w, ZHENGZHOU, revoke(id(2, 1)));
    done(&mut w, ZHENGZHOU, cancel(id(3, 1)));
    done(&mut w, ZHENGZHOU, revoke(id(4, 1)));
    assert_eq!(refused(&mut w, ZHENGZHOU, &change(id(5, 1), id(5, 2))), "CREDENTIAL_SUSPENDED");
}

#[test]
fn c7_a_suspended_certificate_is_neither_suspended_again_nor_changed() {
    let mut w = issued();
    done(&mut w, ZHENGZHOU, suspend(id(1, 1)));
    assert_eq!(refused(&mut w, ZHENGZHOU, &suspend(id(1, 1))), "CREDENTIAL_SUSPENDED");
    assert_eq!(refused(&mut w, ZHENGZHOU, &change(id(1, 1), id(1, 2))), "CREDENTIAL_SUSPENDED");
    done(&mut w, ZHENGZHOU, revoke(id(1, 1)));
}

#[test]
fn c8_only_a_suspended_certificate_is_resumed() {
    let mut w = issued();
    assert_eq!(refused(&mut w, ZHENGZHOU, &resume(id(1, 1))), "CREDENTIAL_NOT_SUSPENDED");
}

#[test]
fn c9_the_next_version_has_the_type_issuer_and_serial_of_the_one_before() {
    let mut w = issued();
    for next in [id_of(FOOD, "zhengzhou", 1, 2), id_of(LICENCE, "henan", 1, 2), id(2, 2)] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &change(id(1, 1), next)), "CREDENTIAL_SERIES");
    }
}

#[test]
fn c10_the_next_version_is_the_one_before_plus_one() {
    let mut w = issued();
    for version in [1, 3, 999] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &change(id(1, 1), id(1, version))), "CREDENTIAL_VERSION");
    }
    for version in 1..999 {
        done(&mut w, ZHENGZHOU, change(id(1, version), id(1, version + 1)));
    }
    assert_eq!(refused(&mut w, ZHENGZHOU, &change(id(1, 999), id(1, 1))), "CREDENTIAL_VERSION");
}

#[test]
fn c11_a_type_that_the_chain_does_not_list_is_not_issued() {
    let mut w = world();
    let op = issue(id_of(FOREIGN, "zhengzhou", 1, 1), "410102", content(0));
    assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_TYPE_UNKNOWN");
}

#[test]
fn c12_a_retired_type_is_neither_issued_nor_changed_but_still_suspended_and_ended() {
    let mut w = world();
    let old = |serial, version| id_of(OLD, "zhengzhou", serial, version);
    w.sleep(retired_ms() - time_of(3));
    done(&mut w, ZHENGZHOU, issue(old(1, 1), "410102", content(0)));
    done(&mut w, ZHENGZHOU, change(old(1, 1), old(1, 2)));
    assert_eq!(w.next_time(), retired_ms());
    assert_eq!(refused(&mut w, ZHENGZHOU, &issue(old(2, 1), "410102", content(0))), "CREDENTIAL_TYPE_RETIRED");
    assert_eq!(refused(&mut w, ZHENGZHOU, &change(old(1, 2), old(1, 3))), "CREDENTIAL_TYPE_RETIRED");
    for op in [suspend(old(1, 2)), resume(old(1, 2)), cancel(old(1, 2))] {
        done(&mut w, ZHENGZHOU, op);
    }
}

#[test]
fn c13_an_organization_issues_under_its_own_code() {
    let mut w = world();
    let op = issue(id_of(LICENCE, "kaifeng", 1, 1), "410102", content(0));
    for signer in [ZHENGZHOU, HENAN] {
        assert_eq!(refused(&mut w, signer, &op), "CREDENTIAL_ISSUER");
    }
}

#[test]
fn c14_what_is_issued_first_has_version_001() {
    let mut w = issued();
    for op in [issue(id(2, 2), "410102", content(0)), issue(id(1, 2), "410102", content(0))] {
        assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_FIRST_VERSION");
    }
}

#[test]
fn c15_a_period_does_not_end_before_it_begins() {
    let mut w = issued();
    let backwards = Content { valid_until_ms: START_MS - 1, ..content(0) };
    assert_eq!(refused(&mut w, ZHENGZHOU, &issue(id(2, 1), "410102", backwards)), "CREDENTIAL_PERIOD");
    let op = Operation::Change(Change { previous: id(1, 1), id: id(1, 2), content: backwards });
    assert_eq!(refused(&mut w, ZHENGZHOU, &op), "CREDENTIAL_PERIOD");
    let instant = Content { valid_until_ms: START_MS, ..content(0) };
    done(&mut w, ZHENGZHOU, issue(id(2, 1), "410102", instant));
}

#[test]
fn c16_an_identifier_is_issued_once() {
    let mut w = issued();
    assert_eq!(refused(&mut w, ZHENGZHOU, &issue(id(1, 1), "410102", content(0))), "CREDENTIAL_EXISTS");
    done(&mut w, ZHENGZHOU, revoke(id(1, 1)));
    let other = Content { holder: commitment(5), ..content(0) };
    assert_eq!(refused(&mut w, ZHENGZHOU, &issue(id(1, 1), "410100", other)), "CREDENTIAL_EXISTS");
}

#[test]
fn a_certificate_whose_period_begins_later_can_be_suspended_and_ended_before() {
    let mut w = world();
    let later = Content { valid_from_ms: time_of(1_000), ..content(0) };
    done(&mut w, ZHENGZHOU, issue(id(1, 1), "410102", later));
    assert_eq!(row(&w, &id(1, 1)).status_at(w.next_time()), Status::NotYet);
    for op in [suspend(id(1, 1)), resume(id(1, 1)), cancel(id(1, 1))] {
        done(&mut w, ZHENGZHOU, op);
    }
}

#[test]
fn the_border_refuses_who_has_no_role_and_leaves_the_rest_to_the_block() {
    let mut w = issued();
    let admit = |w: &mut World, signer: usize, op: &Operation| {
        let body = w.body().operation(op.to_proto());
        w.admit(&crate::scene::sign(&key(signer), &body)).err().map_or("", |r| r.code)
    };
    assert_eq!(admit(&mut w, REALTY, &suspend(id(1, 1))), "ROLE_MISSING");
    assert_eq!(admit(&mut w, KAIFENG, &issue(id_of(LICENCE, "kaifeng", 1, 1), "410100", content(0))), "ROLE_MISSING");
    assert_eq!(admit(&mut w, KAIFENG, &suspend(id(1, 1))), "", "the division stands in the row");
}

#[test]
fn a_damaged_row_stops_the_block_instead_of_refusing() {
    let w = issued();
    let mut rows = w.state.rows().clone();
    rows.insert(credential_key(&id(1, 1)), vec![0xff]);
    let damaged = hnchain_ledger::MemoryState::new(rows);
    let mut w = issued();
    let body = w.body().operation(suspend(id(1, 1)).to_proto());
    let tx = crate::scene::sign(&key(ZHENGZHOU), &body);
    let outcome = hnchain_ledger::execute(&damaged, &w.chain, &w.context(), &[tx]);
    assert!(outcome.unwrap_err().0.contains("certificate/1.2.156"));
}

/// Every text of a refusal with the longest names stays within what a receipt may hold.
#[test]
fn refusals_with_long_identifiers_stay_short() {
    let mut w = world();
    let long =
        |version| CertificateId::from_parts(LICENCE, &credit_code("zhengzhou"), &"9".repeat(32), version).unwrap();
    done(&mut w, ZHENGZHOU, issue(long(1), "410102", content(0)));
    for (signer, op) in [(ZHENGZHOU, change(long(1), id(7, 2))), (APART, revoke(long(1)))] {
        let refusal = put(&mut w, signer, &[op]).unwrap_err();
        assert!(refusal.message.len().max(refusal.message_zh.len()) < 450, "{refusal:?}");
        assert!(refusal.message.len() < limits::MESSAGE_BYTES);
    }
}

#[test]
fn certificates_of_one_holder_are_listed_side_by_side() {
    let mut w = world();
    let of = |holder: Digest| Content { holder, ..content(0) };
    done(&mut w, ZHENGZHOU, issue(id(1, 1), "410102", of(commitment(8))));
    done(&mut w, KAIFENG, issue(id_of(FOOD, "kaifeng", 3, 1), "410200", of(commitment(8))));
    done(&mut w, ZHENGZHOU, issue(id(2, 1), "410102", of(commitment(9))));
    let prefix = hnchain_types::credential::holder_prefix(&commitment(8));
    let listed: Vec<_> = w.state.rows().keys().filter_map(|k| k.strip_prefix(&prefix)).collect();
    assert_eq!(listed, [id_of(FOOD, "kaifeng", 3, 1).to_string(), id(1, 1).to_string()]);
}

/// A digest that changes here changes the state root of every chain: do it on purpose or not at all.
#[test]
fn the_rows_of_a_short_life_are_frozen() {
    let mut w = issued();
    for op in [suspend(id(1, 1)), resume(id(1, 1)), change(id(1, 1), id(1, 2)), revoke(id(1, 2))] {
        done(&mut w, ZHENGZHOU, op);
    }
    let mut hasher = hnchain_crypto::Hasher::new();
    for (key, row) in w.state.rows().iter().filter(|(key, _)| key.starts_with("certificate")) {
        for part in [key.as_bytes(), row.as_slice()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    assert_eq!(hasher.finalize().to_string(), "76f26993345a0ffae843a5247b1c16b038fba993fd1201773c9cbc74e7c733da");
}
