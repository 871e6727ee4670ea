//! Random operations on 电子证照 against a model of plain ifs: acceptance, code and rows after every transaction.
//!
//! `HNCHAIN_OPERATIONS` sets how many operations are tried, `HNCHAIN_SEED` with which numbers. A failure names both.

use crate::credentials::{
    APART, FOOD, FOREIGN, HENAN, KAIFENG, KAIFENG_EVERYWHERE, LICENCE, OLD, ORGANIZATIONS, SIGNERS, ZHENGZHOU,
    ZHONGYUAN, id_of, put, retired_ms, world,
};
use crate::scene::{START_MS, World, commitment};
use hnchain_crypto::sm3_parts;
use hnchain_ledger::StateView;
use hnchain_types::codes::CertificateId;
use hnchain_types::credential::{Change, Content, Issue, Operation, Resume, Step};
use hnchain_types::proto;
use prost::Message;
use std::collections::BTreeMap;

/// Operations on one chain, then another begins: the memory stays bounded.
const ROUND: u64 = 5_000;
const TYPES: [&str; 4] = [LICENCE, FOOD, OLD, FOREIGN];
const DIVISIONS: [&str; 5] = ["410000", "410100", "410102", "410122", "410200"];

/// Type, issuer (numbers in the tables), serial, version.
type Cert = (usize, usize, u32, u16);

/// An operation as the model sees it; times are milliseconds, `until` 0 is for ever.
#[derive(Clone, Debug)]
enum Op {
    Issue { cert: Cert, division: usize, from: u64, until: u64, holder: u64 },
    Change { before: Cert, cert: Cert, from: u64, until: u64, holder: u64 },
    Suspend { cert: Cert, reason: &'static str },
    Resume { cert: Cert },
    Revoke { cert: Cert, reason: &'static str },
    Cancel { cert: Cert, reason: &'static str },
}

/// One row of a certificate: state as its number in the proto file, reason, who wrote it, at which height.
type Line = (i32, &'static str, usize, u64);

#[derive(Clone, Debug, PartialEq)]
struct Known {
    division: usize,
    from: u64,
    until: u64,
    holder: u64,
    before: Option<Cert>,
    after: Option<Cert>,
    lines: Vec<Line>,
}

impl Known {
    fn state(&self) -> i32 {
        self.lines.last().unwrap().0
    }
}

const VALID: i32 = 1;
const SUSPENDED: i32 = 2;
const REVOKED: i32 = 3;
const CANCELLED: i32 = 4;
const SUPERSEDED: i32 = 5;

type Model = BTreeMap<Cert, Known>;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// Once in n times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

// ---- the model: roles, then rules

fn organization(signer: usize) -> usize {
    ORGANIZATIONS.iter().position(|o| o.0 == SIGNERS[signer].0).unwrap()
}

fn registers(signer: usize, kind: usize, division: usize) -> bool {
    // Signers in the order of the table of the scene.
    let (d, food) = (DIVISIONS[division], TYPES[kind] == FOOD);
    match signer {
        0 => d.starts_with("4101"),
        1 => d.starts_with("4102"),
        2 | 6 | 7 => true,
        3 => food && d == "410102",
        4 => d == "410102",
        _ => false,
    }
}

fn over(organization: usize, issuer: usize) -> bool {
    // henan 0 over zhengzhou 1 and kaifeng 2; zhengzhou over zhongyuan 3; apart 4 alone.
    organization == issuer || (organization == 0 && issuer < 4) || (organization == 1 && issuer == 3)
}

/// What the border asks before a block.
fn border(signer: usize, op: &Op) -> bool {
    match op {
        Op::Issue { cert, division, .. } => registers(signer, cert.0, *division),
        _ => signer != 5,
    }
}

fn type_rule(kind: usize, time: u64) -> Result<(), &'static str> {
    if TYPES[kind] == FOREIGN {
        return Err("CREDENTIAL_TYPE_UNKNOWN");
    }
    if TYPES[kind] == OLD && time >= retired_ms() {
        return Err("CREDENTIAL_TYPE_RETIRED");
    }
    Ok(())
}

fn find<'a>(model: &'a mut Model, cert: &Cert, signer: usize) -> Result<&'a mut Known, &'static str> {
    let Some(known) = model.get_mut(cert) else { return Err("CREDENTIAL_NOT_FOUND") };
    if !registers(signer, cert.0, known.division) {
        return Err("ROLE_MISSING");
    }
    if !over(organization(signer), cert.1) {
        return Err("CREDENTIAL_OWNER");
    }
    if known.state() >= REVOKED {
        return Err("CREDENTIAL_FINAL");
    }
    Ok(known)
}

fn period(from: u64, until: u64) -> Result<(), &'static str> {
    if until != 0 && until < from { Err("CREDENTIAL_PERIOD") } else { Ok(()) }
}

fn issue(model: &mut Model, signer: usize, at: (u64, u64), op: &Op) -> Result<(), &'static str> {
    let Op::Issue { cert, division, from, until, holder } = op else { unreachable!() };
    let (height, time) = at;
    type_rule(cert.0, time)?;
    if cert.1 != organization(signer) {
        return Err("CREDENTIAL_ISSUER");
    }
    if cert.3 != 1 {
        return Err("CREDENTIAL_FIRST_VERSION");
    }
    period(*from, *until)?;
    if model.contains_key(cert) {
        return Err("CREDENTIAL_EXISTS");
    }
    let (before, after) = (None, None);
    let lines = vec![(VALID, "", organization(signer), height)];
    let known = Known { division: *division, from: *from, until: *until, holder: *holder, before, after, lines };
    model.insert(*cert, known);
    Ok(())
}

fn change(model: &mut Model, signer: usize, at: (u64, u64), op: &Op) -> Result<(), &'static str> {
    let Op::Change { before, cert, from, until, holder } = op else { unreachable!() };
    let (height, time) = at;
    let writer = organization(signer);
    let old = find(model, before, signer)?;
    if old.state() == SUSPENDED {
        return Err("CREDENTIAL_SUSPENDED");
    }
    if (cert.0, cert.1, cert.2) != (before.0, before.1, before.2) {
        return Err("CREDENTIAL_SERIES");
    }
    if cert.3 != before.3 + 1 {
        return Err("CREDENTIAL_VERSION");
    }
    type_rule(cert.0, time)?;
    period(*from, *until)?;
    old.lines.push((SUPERSEDED, "", writer, height));
    old.after = Some(*cert);
    let known = Known {
        division: old.division,
        from: *from,
        until: *until,
        holder: *holder,
        before: Some(*before),
        after: None,
        lines: vec![(VALID, "", writer, height)],
    };
    assert!(model.insert(*cert, known).is_none(), "a version is issued once");
    Ok(())
}

fn step(model: &mut Model, signer: usize, at: (u64, u64), op: &Op) -> Result<(), &'static str> {
    let (cert, to, reason) = match op {
        Op::Issue { .. } => return issue(model, signer, at, op),
        Op::Change { .. } => return change(model, signer, at, op),
        Op::Suspend { cert, reason } => (cert, SUSPENDED, *reason),
        Op::Revoke { cert, reason } => (cert, REVOKED, *reason),
        Op::Cancel { cert, reason } => (cert, CANCELLED, *reason),
        Op::Resume { cert } => (cert, VALID, ""),
    };
    if to != VALID && reason.is_empty() {
        return Err("CREDENTIAL_REASON");
    }
    let (height, time) = at;
    let known = find(model, cert, signer)?;
    let expired = known.until != 0 && time > known.until;
    if expired && (to == SUSPENDED || to == VALID) {
        return Err("CREDENTIAL_EXPIRED");
    }
    if to == SUSPENDED && known.state() == SUSPENDED {
        return Err("CREDENTIAL_SUSPENDED");
    }
    if to == VALID && known.state() != SUSPENDED {
        return Err("CREDENTIAL_NOT_SUSPENDED");
    }
    known.lines.push((to, reason, organization(signer), height));
    Ok(())
}

/// Judges a transaction as a whole.
fn judge(model: &mut Model, signer: usize, at: (u64, u64), ops: &[Op]) -> &'static str {
    if !ops.iter().all(|op| border(signer, op)) {
        return "ROLE_MISSING";
    }
    let saved: Vec<_> = ops.iter().flat_map(touched).map(|cert| (cert, model.get(&cert).cloned())).collect();
    for op in ops {
        if let Err(code) = step(model, signer, at, op) {
            for (cert, known) in saved {
                match known {
                    Some(known) => model.insert(cert, known),
                    None => model.remove(&cert),
                };
            }
            return code;
        }
    }
    ""
}

fn touched(op: &Op) -> Vec<Cert> {
    match op {
        Op::Change { before, cert, .. } => vec![*before, *cert],
        Op::Issue { cert, .. }
        | Op::Suspend { cert, .. }
        | Op::Resume { cert }
        | Op::Revoke { cert, .. }
        | Op::Cancel { cert, .. } => vec![*cert],
    }
}

// ---- what is tried

struct Tries {
    random: Random,
    /// Certificates that exist or may, newest last.
    recent: Vec<Cert>,
    serial: u32,
}

impl Tries {
    fn new(seed: u64) -> Self {
        Self { random: Random(seed), recent: vec![(0, 1, 1, 1)], serial: 1 }
    }

    fn known(&mut self) -> Cert {
        let n = self.recent.len();
        self.recent[n - 1 - self.random.below(n.min(12))]
    }

    fn fresh(&mut self) -> Cert {
        self.serial += 1;
        let kind = self.random.pick(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3]);
        (kind, self.random.pick(&[0, 1, 1, 1, 2, 2, 3, 4]), self.serial, if self.random.once_in(25) { 2 } else { 1 })
    }

    fn period(&mut self, now: u64) -> (u64, u64) {
        let from = if self.random.once_in(4) { now + self.random.below(30_000) as u64 } else { START_MS };
        let until = match self.random.below(4) {
            0 => 0,
            1 => now - 3_000 + self.random.below(20_000) as u64,
            _ => now + self.random.below(400_000) as u64,
        };
        (from, if self.random.once_in(40) { from - 1 } else { until })
    }

    fn reason(&mut self) -> &'static str {
        self.random.pick(&[
            "逾期未报送年度报告",
            "提交虚假材料",
            "申请注销",
            "r",
            "到期",
            "其他",
            "依法",
            "x",
            "补正",
            "",
        ])
    }

    fn op(&mut self, now: u64) -> Op {
        let (from, until) = self.period(now);
        let (holder, reason) = (self.random.below(9) as u64, self.reason());
        match self.random.below(10) {
            0 | 1 => {
                let cert = if self.random.once_in(8) { self.known() } else { self.fresh() };
                Op::Issue { cert, division: self.division(cert.1), from, until, holder }
            }
            2 | 3 => {
                let before = self.known();
                let mut cert = (before.0, before.1, before.2, before.3 + 1);
                match self.random.below(24) {
                    0 => cert.0 = self.random.below(4),
                    1 => cert.1 = self.random.below(5),
                    2 => cert.2 += 1,
                    3 => cert.3 += 1,
                    4 => cert.3 = before.3,
                    _ => {}
                }
                Op::Change { before, cert, from, until, holder }
            }
            4..=6 => Op::Suspend { cert: self.known(), reason },
            7 | 8 => Op::Resume { cert: self.known() },
            _ if self.random.once_in(2) => Op::Revoke { cert: self.known(), reason },
            _ => Op::Cancel { cert: self.known(), reason },
        }
    }

    /// A division that the issuer mostly may issue for.
    fn division(&mut self, issuer: usize) -> usize {
        if self.random.once_in(8) {
            return self.random.below(DIVISIONS.len());
        }
        match issuer {
            1 => self.random.pick(&[1, 2, 3]),
            2 => 4,
            3 => 2,
            _ => self.random.below(DIVISIONS.len()),
        }
    }

    fn signer(&mut self, op: &Op) -> usize {
        if self.random.once_in(8) {
            return self.random.below(SIGNERS.len());
        }
        match touched(op)[0].1 {
            0 => HENAN,
            1 => self.random.pick(&[ZHENGZHOU, ZHENGZHOU, HENAN]),
            2 => self.random.pick(&[KAIFENG, KAIFENG_EVERYWHERE, HENAN]),
            3 => self.random.pick(&[ZHONGYUAN, ZHENGZHOU, HENAN]),
            _ => APART,
        }
    }
}

// ---- from the model to the ledger and back

fn id(cert: &Cert) -> CertificateId {
    id_of(TYPES[cert.0], ORGANIZATIONS[cert.1].0, cert.2, cert.3)
}

fn content(from: u64, until: u64, holder: u64) -> Content {
    Content {
        valid_from_ms: from,
        valid_until_ms: until,
        holder: commitment(holder),
        fields_root: commitment(holder + 100),
        fields_count: 1,
    }
}

fn real(op: &Op) -> Operation {
    let with = |cert, reason: &str| Step { id: id(cert), reason: reason.to_owned() };
    match op {
        Op::Issue { cert, division, from, until, holder } => Operation::Issue(Issue {
            id: id(cert),
            division: DIVISIONS[*division].parse().unwrap(),
            content: content(*from, *until, *holder),
        }),
        Op::Change { before, cert, from, until, holder } => {
            Operation::Change(Change { previous: id(before), id: id(cert), content: content(*from, *until, *holder) })
        }
        Op::Suspend { cert, reason } => Operation::Suspend(with(cert, reason)),
        Op::Resume { cert } => Operation::Resume(Resume { id: id(cert) }),
        Op::Revoke { cert, reason } => Operation::Revoke(with(cert, reason)),
        Op::Cancel { cert, reason } => Operation::Cancel(with(cert, reason)),
    }
}

fn tagged(raw: &[u8]) -> Vec<u8> {
    sm3_parts(&[b"\x14hnchain/credential/1", raw]).0.to_vec()
}

fn row(w: &World, key: &str) -> Option<(proto::Credential, Vec<u8>)> {
    let raw = w.state.row(key).unwrap()?;
    Some((proto::Credential::decode(raw.as_slice()).unwrap(), raw))
}

/// Compares every row of a certificate, the present one and those in history, with what the model knows.
fn compare(w: &World, cert: &Cert, known: Option<&Known>) {
    let id = id(cert).to_string();
    let Some(known) = known else {
        assert!(row(w, &format!("certificate/{id}")).is_none(), "{id} exists");
        return;
    };
    let link = |cert: &Option<Cert>| cert.as_ref().map(|c| self::id(c).to_string()).unwrap_or_default();
    let mut follows = match &known.before {
        Some(before) => tagged(&row(w, &format!("certificate/{}", self::id(before))).unwrap().1),
        None => Vec::new(),
    };
    for (n, line) in (1u64..).zip(&known.lines) {
        let last = n == known.lines.len() as u64;
        let key = if last { format!("certificate/{id}") } else { format!("certificate-history/{id}/{n}") };
        let (m, raw) = row(w, &key).unwrap_or_else(|| panic!("no row {key}"));
        let c = m.content.clone().unwrap();
        assert_eq!((m.id.as_str(), m.sequence, m.state), (id.as_str(), n, line.0));
        assert_eq!((m.reason.as_str(), m.organization.as_str(), m.height), (line.1, ORGANIZATIONS[line.2].0, line.3));
        assert_eq!((m.issuer.as_str(), m.division.as_str()), (ORGANIZATIONS[cert.1].0, DIVISIONS[known.division]));
        assert_eq!((c.valid_from_ms, c.valid_until_ms), (known.from, known.until));
        assert_eq!(
            (c.holder, c.fields_root),
            (commitment(known.holder).0.into(), commitment(known.holder + 100).0.into())
        );
        assert_eq!(m.previous_id, link(&known.before));
        assert_eq!(m.next_id, if line.0 == SUPERSEDED { link(&known.after) } else { String::new() });
        assert_eq!(m.previous_row, follows, "{key}");
        follows = tagged(&raw);
    }
    let past = format!("certificate-history/{id}/{}", known.lines.len());
    assert!(row(w, &past).is_none(), "{past} exists");
    let holder = format!("certificate-holder/{}/{id}", commitment(known.holder));
    assert_eq!(w.state.row(&holder).unwrap(), Some(vec![1]));
}

/// The state holds what the model knows and nothing else.
fn compare_all(w: &World, model: &Model) {
    for (cert, known) in model {
        compare(w, cert, Some(known));
    }
    let count = |prefix: &str| w.state.rows().keys().filter(|k| k.starts_with(prefix)).count();
    assert_eq!(count("certificate/"), model.len());
    assert_eq!(count("certificate-holder/"), model.len());
    assert_eq!(count("certificate-history/"), model.values().map(|k| k.lines.len() - 1).sum::<usize>());
}

/// One chain. Adds to how often each outcome was seen.
fn round(seed: u64, operations: u64, seen: &mut BTreeMap<String, u64>) {
    let (mut w, mut model, mut tries) = (world(), Model::new(), Tries::new(seed));
    let mut done = 0;
    while done < operations {
        if tries.random.once_in(20) {
            w.sleep(tries.random.below(20_000) as u64);
        }
        let at = (w.height + 1, w.next_time());
        let first = tries.op(at.1);
        let signer = tries.signer(&first);
        let mut ops = vec![first];
        while tries.random.once_in(5) && ops.len() < 6 {
            ops.push(tries.op(at.1));
        }
        done += ops.len() as u64;
        let expected = judge(&mut model, signer, at, &ops);
        let outcome = put(&mut w, signer, &ops.iter().map(real).collect::<Vec<_>>());
        if let Ok(events) = &outcome {
            assert_eq!(events.len(), ops.len());
        }
        let code = outcome.err().map(|r| r.code).unwrap_or_default();
        assert_eq!(code, expected, "seed {seed} after {done} operations: {} {ops:?}", SIGNERS[signer].0);
        for cert in ops.iter().flat_map(touched) {
            compare(&w, &cert, model.get(&cert));
        }
        // Mostly what exists is tried again.
        if code.is_empty() || tries.random.once_in(15) {
            tries.recent.extend(ops.iter().filter_map(|op| touched(op).pop()));
        }
        *seen.entry(code).or_default() += 1;
    }
    compare_all(&w, &model);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var_os(variable)?.to_str()?.parse().ok()
}

fn drive(operations: u64) {
    let seed = number("HNCHAIN_SEED").unwrap_or(0x4845_4e41_4e31);
    let mut seen = BTreeMap::new();
    for (round_number, at) in (0u64..).zip((0..operations).step_by(usize::try_from(ROUND).unwrap())) {
        round(seed.wrapping_add(round_number), ROUND.min(operations - at), &mut seen);
    }
    println!("{operations} operations, seed {seed}: {seen:?}");
    if operations >= 10_000 {
        let codes: Vec<_> = hnchain_ledger::rejection::Code::ALL.iter().map(|c| c.as_str()).collect();
        let missing: Vec<_> =
            codes.iter().filter(|c| c.starts_with("CREDENTIAL_") && !seen.contains_key(**c)).collect();
        assert!(missing.is_empty(), "never seen: {missing:?}");
        assert!(seen[""] > operations / 8, "too few are accepted: {seen:?}");
    }
}

#[test]
fn the_ledger_does_with_certificates_what_the_model_does() {
    drive(number("HNCHAIN_OPERATIONS").unwrap_or(20_000));
}

#[test]
#[ignore = "a million operations: make soak"]
fn a_million_operations_on_certificates_diverge_nowhere() {
    drive(number("HNCHAIN_OPERATIONS").unwrap_or(1_000_000));
}
