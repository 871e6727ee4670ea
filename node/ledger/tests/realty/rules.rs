//! The model: the rules of 不动产登记 over plain sets, in twelfths and times, without rows, hashes or indices.

use crate::office::{DAY, Who};
use hnchain_crypto::Digest;
use hnchain_types::codes::{Fixture, UnitCode};
use hnchain_types::realty::{BurdenKind, CoOwnership, Fact, Operation, Right, Title};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the model knows.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) units: BTreeMap<UnitCode, Known>,
    pub(crate) numbers: BTreeSet<String>,
}

/// A unit.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) cancelled: bool,
    pub(crate) kind: CoOwnership,
    /// Who holds how many twelfths; 0 without shares.
    pub(crate) held: BTreeMap<Digest, u64>,
    pub(crate) all_must: bool,
    pub(crate) usage: String,
    pub(crate) document: Digest,
    /// Holders that each entry names, and what it rests on.
    pub(crate) log: Vec<(BTreeSet<Digest>, Digest)>,
    pub(crate) lies: Vec<Lies>,
}

/// What lies on a unit.
#[derive(Clone)]
pub(crate) struct Lies {
    pub(crate) n: u32,
    pub(crate) kind: BurdenKind,
    party: Option<Digest>,
    forbidden: bool,
    court: Option<Who>,
    from: u64,
    /// Term of a seal, end of an interest, or when a notice becomes possible; 0 for none.
    time: u64,
    suit: bool,
    released: Option<u64>,
    /// It had lapsed when another of its kind was made.
    forgotten: bool,
}

fn held(title: &Title) -> BTreeMap<Digest, u64> {
    let twelfths = |s: hnchain_types::realty::Share| u64::from(s.numerator) * 12 / u64::from(s.denominator);
    title.holders.iter().map(|h| (h.commitment, h.share.map_or(0, twelfths))).collect()
}

/// What each could sell alone.
fn own(kind: CoOwnership, held: &BTreeMap<Digest, u64>, who: &Digest) -> u64 {
    match (kind, held.get(who)) {
        (CoOwnership::Sole, Some(_)) => 12,
        (CoOwnership::Shares, Some(twelfths)) => *twelfths,
        _ => 0,
    }
}

impl Known {
    fn all_consent(&self, consents: &[Digest]) -> bool {
        self.held.keys().all(|h| consents.contains(h))
    }

    fn two_thirds(&self, consents: &[Digest]) -> bool {
        let sum: u64 = self.held.iter().filter(|(h, _)| consents.contains(h)).map(|(_, n)| n).sum();
        self.kind == CoOwnership::Shares && !self.all_must && sum >= 8
    }

    fn agree(&self, consents: &[Digest]) -> Result<(), &'static str> {
        if self.all_consent(consents) || self.two_thirds(consents) { Ok(()) } else { Err("REALTY_CONSENT") }
    }

    fn agree_to(&self, title: &Title, consents: &[Digest]) -> Result<(), &'static str> {
        let after = held(title);
        let stay = self.held.keys().any(|h| after.contains_key(h));
        let flag_moves = self.all_must != title.all_must_agree;
        let robbed = self
            .held
            .keys()
            .filter(|h| !consents.contains(h))
            .any(|h| own(title.co_ownership, &after, h) < own(self.kind, &self.held, h));
        let fine = self.all_consent(consents)
            || self.kind == CoOwnership::Shares && !(stay && flag_moves) && !robbed
            || self.two_thirds(consents) && !stay;
        if fine { Ok(()) } else { Err("REALTY_CONSENT") }
    }

    /// Number, begin and end of each seal, from the first to the last.
    fn seals(&self) -> Vec<(u32, u64, u64)> {
        let mut free = 0;
        let seals = self.lies.iter().filter(|l| l.kind == BurdenKind::Seal);
        let span = |s: &Lies| {
            let start = s.from.max(free);
            let end = s.released.map_or(start + s.time, |r| r.clamp(start, start + s.time));
            free = end;
            (s.n, start, end)
        };
        seals.map(span).collect()
    }

    pub(crate) fn sealed(&self, now: u64) -> Option<u32> {
        self.seals().iter().find(|(_, start, end)| *start <= now && now < *end).map(|s| s.0)
    }

    fn lapsed(&self, l: &Lies, now: u64) -> bool {
        match l.kind {
            BurdenKind::Mortgage => false,
            BurdenKind::Seal => self.seals().iter().any(|(n, _, end)| *n == l.n && *end <= now),
            BurdenKind::Notice => l.time > 0 && l.time + 90 * DAY <= now,
            BurdenKind::Objection => !l.suit && l.from + 15 * DAY <= now,
            BurdenKind::Interest => l.time > 0 && l.time <= now,
        }
    }

    /// Burdens of a kind that are in force or wait.
    pub(crate) fn open(&self, kind: BurdenKind, now: u64) -> impl Iterator<Item = &Lies> {
        self.lies.iter().filter(move |l| l.kind == kind && l.released.is_none() && !self.lapsed(l, now))
    }

    fn free(&self, now: u64) -> Result<(), &'static str> {
        if self.sealed(now).is_some() { Err("REALTY_SEALED") } else { Ok(()) }
    }

    fn each(&self, kind: BurdenKind, now: u64, ok: &[Digest], code: &'static str) -> Result<(), &'static str> {
        if self.open(kind, now).all(|l| ok.contains(&l.party.unwrap())) { Ok(()) } else { Err(code) }
    }

    fn disposable(&self, now: u64, consents: &[Digest]) -> Result<(), &'static str> {
        self.free(now)?;
        self.each(BurdenKind::Notice, now, consents, "REALTY_NOTICED")
    }

    fn forget(&mut self, kind: BurdenKind, now: u64) {
        let gone: Vec<u32> = self.lies.iter().filter(|l| l.kind == kind && self.lapsed(l, now)).map(|l| l.n).collect();
        self.lies.iter_mut().filter(|l| l.kind == kind && gone.contains(&l.n)).for_each(|l| l.forgotten = true);
    }

    fn room(&self, kind: BurdenKind, now: u64) -> Result<(), &'static str> {
        if self.open(kind, now).count() < 16 { Ok(()) } else { Err("REALTY_BURDENS_FULL") }
    }

    fn standing(&self, kind: BurdenKind, n: u32, now: u64) -> Result<usize, &'static str> {
        let found = self.lies.iter().position(|l| l.kind == kind && l.n == n && l.released.is_none() && !l.forgotten);
        let at = found.ok_or("REALTY_BURDEN_NOT_FOUND")?;
        if self.lapsed(&self.lies[at], now) { Err("REALTY_BURDEN_LAPSED") } else { Ok(at) }
    }

    fn write(&mut self, title: Option<&Title>, document: Digest) -> u32 {
        self.log.push((title.map(|t| t.commitments().collect()).unwrap_or_default(), document));
        u32::try_from(self.log.len()).unwrap()
    }

    fn lay(&mut self, kind: BurdenKind, party: Option<Digest>, document: Digest, now: u64) -> &mut Lies {
        self.forget(kind, now);
        let n = self.write(None, document);
        let (court, released) = (None, None);
        let lies = Lies {
            n,
            kind,
            party,
            forbidden: false,
            court,
            from: now,
            time: 0,
            suit: false,
            released,
            forgotten: false,
        };
        self.lies.push(lies);
        self.lies.last_mut().unwrap()
    }

    fn take(&mut self, title: &Title) {
        (self.kind, self.held, self.all_must) = (title.co_ownership, held(title), title.all_must_agree);
    }
}

fn whole(title: &Title) -> Result<(), &'static str> {
    let sum: u64 = held(title).values().sum();
    if title.co_ownership != CoOwnership::Shares || sum == 12 { Ok(()) } else { Err("REALTY_SHARES") }
}

impl Model {
    /// Judges a transaction as a whole.
    pub(crate) fn judge(&mut self, by: Who, ops: &[Operation], now: u64) -> &'static str {
        let may = |op: &Operation| match by {
            Who::Registrar | Who::Province => !op.is_judicial(),
            Who::TransfersOnly => matches!(op, Operation::Transfer(_)),
            Who::Court | Who::SecondCourt => op.is_judicial(),
            Who::Elsewhere | Who::CourtElsewhere => false,
        };
        if !ops.iter().all(may) {
            return "ROLE_MISSING";
        }
        if let [op] = ops {
            return self.step(by, op, now).err().unwrap_or_default();
        }
        let mut next = self.clone();
        for op in ops {
            if let Err(code) = next.step(by, op, now) {
                return code;
            }
        }
        *self = next;
        ""
    }

    fn parcel(&self, code: &UnitCode) -> bool {
        self.units.get(&code.parcel_unit()).is_some_and(|u| !u.cancelled)
    }

    fn fixtures(&self, code: &UnitCode) -> bool {
        let on = |c: &UnitCode| c.fixture() != Fixture::None && c.parcel_unit() == *code;
        self.units.iter().any(|(c, u)| on(c) && !u.cancelled)
    }

    fn number(&mut self, number: &impl ToString) -> Result<(), &'static str> {
        if self.numbers.insert(number.to_string()) { Ok(()) } else { Err("REALTY_NUMBER_TAKEN") }
    }

    fn step(&mut self, by: Who, op: &Operation, now: u64) -> Result<(), &'static str> {
        if let Operation::Register(op) = op {
            return self.register(op);
        }
        let fixtures = self.fixtures(op.unit());
        let known = self.units.get(op.unit()).ok_or("REALTY_UNIT_NOT_FOUND")?;
        if known.cancelled {
            return Err("REALTY_UNIT_CANCELLED");
        }
        let mut u = known.clone();
        let number = match op {
            Operation::Seal(_) | Operation::Unseal(_) => u.court(by, op, now)?,
            Operation::Release(_) | Operation::Progress(_) => u.end(op, now)?,
            Operation::Cancel(_) if fixtures => return Err("REALTY_FIXTURES"),
            Operation::Transfer(_) | Operation::Change(_) | Operation::Cancel(_) | Operation::Correct(_) => {
                u.title(op, now)?
            }
            _ => u.burden(op, now)?,
        };
        if let Some(number) = number {
            self.number(&number)?;
        }
        self.units.insert(*op.unit(), u);
        Ok(())
    }

    fn register(&mut self, op: &hnchain_types::realty::Register) -> Result<(), &'static str> {
        if self.units.contains_key(&op.unit) {
            return Err("REALTY_UNIT_EXISTS");
        }
        let fixture = op.unit.fixture() != Fixture::None;
        if (op.right == Right::Building) != fixture {
            return Err("REALTY_RIGHT");
        }
        whole(&op.title)?;
        if fixture && !self.parcel(&op.unit) {
            return Err("REALTY_PARCEL_MISSING");
        }
        self.number(&op.certificate)?;
        let mut u = Known {
            cancelled: false,
            kind: CoOwnership::Sole,
            held: BTreeMap::new(),
            all_must: false,
            usage: op.usage.clone(),
            document: op.document,
            log: vec![],
            lies: vec![],
        };
        u.take(&op.title);
        u.write(Some(&op.title), op.document);
        self.units.insert(op.unit, u);
        Ok(())
    }
}

/// The certificate number that is handed out, if one is.
type Number = Result<Option<String>, &'static str>;

impl Known {
    fn title(&mut self, op: &Operation, now: u64) -> Number {
        match op {
            Operation::Transfer(op) => {
                if !self.held.keys().eq(&op.from) {
                    return Err("REALTY_HOLDERS_DIFFER");
                }
                whole(&op.title)?;
                if (self.kind, &self.held) == (op.title.co_ownership, &held(&op.title)) {
                    return Err("REALTY_UNCHANGED");
                }
                self.disposable(now, &op.consents)?;
                let forbids = |l: &&Lies| l.forbidden && !op.consents.contains(&l.party.unwrap());
                if self.open(BurdenKind::Mortgage, now).any(|l| forbids(&l)) {
                    return Err("REALTY_MORTGAGED");
                }
                self.agree_to(&op.title, &op.consents)?;
                self.write(Some(&op.title), op.document);
                let served: Vec<u32> = self
                    .open(BurdenKind::Notice, now)
                    .filter(|l| op.title.holds(&l.party.unwrap()))
                    .map(|l| l.n)
                    .collect();
                self.lies.iter_mut().filter(|l| served.contains(&l.n)).for_each(|l| l.released = Some(now));
                self.take(&op.title);
                Ok(Some(op.certificate.to_string()))
            }
            Operation::Change(op) => {
                if (&self.usage, self.document) == (&op.usage, op.document) {
                    return Err("REALTY_UNCHANGED");
                }
                self.free(now)?;
                self.agree(&op.consents)?;
                (self.usage, self.document) = (op.usage.clone(), op.document);
                self.write(None, op.document);
                Ok(Some(op.certificate.to_string()))
            }
            Operation::Cancel(op) => {
                self.disposable(now, &op.consents)?;
                self.each(BurdenKind::Mortgage, now, &op.consents, "REALTY_MORTGAGED")?;
                self.each(BurdenKind::Interest, now, &op.consents, "REALTY_INTERESTED")?;
                self.agree(&op.consents)?;
                self.write(None, op.document);
                self.cancelled = true;
                Ok(None)
            }
            Operation::Correct(op) => self.correct(op, now),
            _ => unreachable!("title"),
        }
    }

    fn correct(&mut self, op: &hnchain_types::realty::Correct, now: u64) -> Number {
        let at = usize::try_from(op.entry - 1).unwrap();
        let (named, document) = self.log.get(at).cloned().ok_or("REALTY_ENTRY_NOT_FOUND")?;
        if op.holders.iter().any(|r| !named.contains(&r.wrong)) {
            return Err("REALTY_CORRECTION_HOLDER");
        }
        let right = |h: &Digest| op.holders.iter().find(|r| r.wrong == *h).map_or(*h, |r| r.right);
        let after: BTreeMap<_, _> = self.held.iter().map(|(h, n)| (right(h), *n)).collect();
        if after.len() != self.held.len() {
            return Err("REALTY_HOLDER_TWICE");
        }
        let moved = after != self.held;
        if moved {
            self.free(now)?;
        }
        self.held = after;
        if self.document == document {
            self.document = op.document;
        }
        let names = if moved { self.held.keys().copied().collect() } else { BTreeSet::new() };
        self.log.push((names, op.document));
        Ok(op.certificate.as_ref().map(ToString::to_string))
    }

    fn burden(&mut self, op: &Operation, now: u64) -> Number {
        let (kind, party, document, consents, number) = match op {
            Operation::Mortgage(o) => {
                (BurdenKind::Mortgage, o.mortgagee, o.document, Some(&o.consents), &o.certificate)
            }
            Operation::Interest(o) => (BurdenKind::Interest, o.holder, o.document, Some(&o.consents), &o.certificate),
            Operation::Notice(o) => (BurdenKind::Notice, o.holder, o.document, Some(&o.consents), &o.certificate),
            Operation::Objection(o) => (BurdenKind::Objection, o.objector, o.document, None, &o.certificate),
            _ => unreachable!("burden"),
        };
        if let Operation::Interest(o) = op
            && o.right == Right::Habitation
            && o.unit.fixture() == Fixture::None
        {
            return Err("REALTY_RIGHT");
        }
        if let Some(consents) = consents {
            self.disposable(now, consents)?;
            self.agree(consents)?;
        }
        self.room(kind, now)?;
        let lies = self.lay(kind, Some(party), document, now);
        match op {
            Operation::Mortgage(o) => lies.forbidden = o.transfer_forbidden,
            Operation::Interest(o) => lies.time = o.until_ms,
            Operation::Notice(o) => lies.time = o.possible_from_ms,
            _ => {}
        }
        Ok(Some(number.to_string()))
    }

    fn court(&mut self, by: Who, op: &Operation, now: u64) -> Number {
        match op {
            Operation::Seal(op) => {
                self.room(BurdenKind::Seal, now)?;
                let lies = self.lay(BurdenKind::Seal, None, op.document, now);
                (lies.time, lies.court) = (op.term_ms, Some(by));
            }
            Operation::Unseal(op) => {
                let at = self.standing(BurdenKind::Seal, op.burden, now)?;
                if self.lies[at].court != Some(by) {
                    return Err("REALTY_SEAL_COURT");
                }
                self.forget(BurdenKind::Seal, now);
                self.write(None, op.document);
                self.lies[at].released = Some(now);
            }
            _ => unreachable!("court"),
        }
        Ok(None)
    }

    fn end(&mut self, op: &Operation, now: u64) -> Number {
        match op {
            Operation::Release(op) => {
                let at = self.standing(op.kind, op.burden, now)?;
                if !op.by_court && !op.consents.contains(&self.lies[at].party.unwrap()) {
                    return Err("REALTY_RELEASE");
                }
                self.write(None, op.document);
                self.lies[at].released = Some(now);
            }
            Operation::Progress(op) => {
                let kind = match op.fact {
                    Fact::SuitFiled => BurdenKind::Objection,
                    Fact::PossibleFromMs(_) => BurdenKind::Notice,
                };
                let at = self.standing(kind, op.burden, now)?;
                if let Fact::PossibleFromMs(ms) = op.fact
                    && (self.lies[at].time != 0 || ms < now)
                {
                    return Err("REALTY_NOTICED");
                }
                self.write(None, op.document);
                match op.fact {
                    Fact::SuitFiled => self.lies[at].suit = true,
                    Fact::PossibleFromMs(ms) => self.lies[at].time = ms,
                }
            }
            _ => unreachable!("end"),
        }
        Ok(None)
    }
}
