//! Operations at random: mostly sensible, often not.

use crate::office::{DAY, Who, paper, who};
use crate::rules::{Known, Model};
use hnchain_crypto::Digest;
use hnchain_types::codes::{RealtyCertificateNumber, RealtyDocument, UnitCode};
use hnchain_types::realty::{
    BurdenKind, Cancel, Change, Correct, Fact, Interest, Mortgage, Notice, Objection, Operation, Progress, Register,
    Release, Replacement, Right, Seal, Share, Title, Transfer, Unseal,
};

/// Two parcels and four flats.
pub(crate) const UNITS: [&str; 6] = [
    "410202001001GB00001W00000000",
    "410202001001GB00001F00010001",
    "410202001001GB00001F00010002",
    "410202001001GB00001F00010003",
    "410202001001GB00002W00000000",
    "410202001001GB00002F00010001",
];
const PEOPLE: u64 = 6;

/// A source of numbers: splitmix64.
pub(crate) struct Dice {
    state: u64,
    numbers: u32,
    /// Every fourth history heaps burdens on few units.
    crowded: bool,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed, numbers: 0, crowded: seed.is_multiple_of(4) }
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    fn person(&mut self) -> Digest {
        who(self.below(PEOPLE))
    }

    fn document(&mut self) -> Digest {
        paper(self.below(3))
    }

    /// A new number, now and then one that was given.
    fn number(&mut self, document: RealtyDocument) -> RealtyCertificateNumber {
        let n = if self.numbers > 0 && self.one_in(40) {
            1 + u32::try_from(self.below(self.numbers.into())).unwrap()
        } else {
            self.numbers += 1;
            self.numbers
        };
        RealtyCertificateNumber::from_parts('豫', 2023, "开封市", document, n).unwrap()
    }

    fn title(&mut self) -> Title {
        let n = 2 + self.below(2);
        let mut people: Vec<_> = (0..PEOPLE).map(who).collect();
        while people.len() as u64 > n {
            people.remove(usize::try_from(self.below(people.len() as u64)).unwrap());
        }
        match self.below(3) {
            0 => Title::sole(people[0]),
            1 => Title::joint(people),
            _ => {
                let parts: &[&[u32]] = match n {
                    2 => &[&[6, 6], &[8, 4], &[9, 3], &[1, 11], &[6, 5]],
                    _ => &[&[4, 4, 4], &[6, 3, 3], &[8, 2, 2], &[4, 4, 5]],
                };
                let parts = self.pick(parts);
                let share = |n: u32| if n.is_multiple_of(3) { Share::new(n / 3, 4) } else { Share::new(n, 12) };
                let mut title = Title::shares(people.into_iter().zip(parts.iter().map(|n| share(*n))));
                title.all_must_agree = self.one_in(4);
                title
            }
        }
    }

    /// Mostly everybody who could have a say; at times somebody is missing, or only some are there.
    fn consents(&mut self) -> Vec<Digest> {
        let all = self.below(4) > 0;
        let mut list: Vec<_> = (0..PEOPLE).map(who).filter(|_| all || self.below(2) > 0).collect();
        list.sort_unstable();
        list
    }

    pub(crate) fn signer(&mut self, op: &Operation) -> Who {
        if self.one_in(25) {
            return self.pick(&Who::ALL);
        }
        if !op.is_judicial() {
            return Who::Registrar;
        }
        if self.one_in(5) { Who::SecondCourt } else { Who::Court }
    }

    pub(crate) fn operation(&mut self, model: &Model, now: u64) -> Operation {
        let crowded = self.crowded && !self.one_in(4);
        let code: UnitCode = if crowded { UNITS[1] } else { self.pick(&UNITS) }.parse().unwrap();
        match model.units.get(&code).cloned() {
            None if !self.one_in(6) => self.register(code),
            known => {
                let kind = if crowded { self.pick(&[4, 6, 11, 11, 13, 14, 15, 15]) } else { self.below(16) };
                self.on(kind, code, known.as_ref(), now)
            }
        }
    }

    fn register(&mut self, unit: UnitCode) -> Operation {
        let fixture = unit.parcel_unit() != unit;
        let right = if fixture != self.one_in(20) { Right::Building } else { Right::StateConstruction };
        let (title, document) = (self.title(), self.document());
        let certificate = self.number(RealtyDocument::Title);
        Register { unit, right, title, usage: "住宅".into(), document, certificate }.into()
    }

    fn on(&mut self, kind: u64, unit: UnitCode, known: Option<&Known>, now: u64) -> Operation {
        let (document, consents) = (self.document(), self.consents());
        match kind {
            0 | 1 => {
                let mut from: Vec<_> = known.map(|k| k.held.keys().copied().collect()).unwrap_or_default();
                if from.is_empty() || self.one_in(10) {
                    from = vec![self.person()];
                }
                let title = self.title();
                let certificate = self.number(RealtyDocument::Title);
                Transfer { unit, from, title, consents, document, certificate }.into()
            }
            2 => {
                let usage = self.pick(&["住宅", "商业"]).to_owned();
                let certificate = self.number(RealtyDocument::Title);
                Change { unit, usage, consents, document, certificate }.into()
            }
            3 if self.one_in(6) => Cancel { unit, consents, document, reason: "灭失".into() }.into(),
            4 => self.correct(unit, known),
            5 => self.register(unit),
            6..=8 => self.court(unit, known),
            9 | 10 => self.end(unit, known, now),
            _ => self.burden(kind, unit, now),
        }
    }

    fn correct(&mut self, unit: UnitCode, known: Option<&Known>) -> Operation {
        let entries = known.map_or(1, |k| k.log.len()) as u64;
        let beyond = u64::from(self.one_in(8));
        let entry = 1 + self.below(entries + beyond);
        let named = known.and_then(|k| k.log.get(usize::try_from(entry - 1).unwrap()));
        let mut wrong: Vec<_> = named.map(|e| e.0.iter().copied().collect()).unwrap_or_default();
        if self.one_in(6) {
            wrong = vec![self.person()];
        }
        let mut holders = Vec::new();
        for wrong in wrong {
            let right = self.person();
            if right != wrong && self.below(2) > 0 {
                holders.push(Replacement { wrong, right });
            }
        }
        let certificate = self.one_in(2).then(|| self.number(RealtyDocument::Title));
        let (entry, document) = (u32::try_from(entry).unwrap(), self.document());
        Correct { unit, entry, holders, document, reason: "有误".into(), certificate }.into()
    }

    /// Mostly a burden that there is or was.
    fn known_burden(&mut self, known: Option<&Known>, kind: Option<BurdenKind>) -> (BurdenKind, u32) {
        let fits = |k: BurdenKind| kind.is_none_or(|kind| kind == k) && (kind.is_some() || k != BurdenKind::Seal);
        let all: Vec<_> = known.map(|k| k.lies.iter().map(|l| (l.kind, l.n)).collect()).unwrap_or_default();
        let list: Vec<_> = all.into_iter().filter(|(k, _)| fits(*k)).collect();
        // Mostly one of the last, which are not ended yet.
        let last = &list[list.len().saturating_sub(4)..];
        match (last, self.one_in(10)) {
            ([], _) | (_, true) => (kind.unwrap_or(BurdenKind::Mortgage), 1 + u32::try_from(self.below(30)).unwrap()),
            (last, false) => self.pick(last),
        }
    }

    fn court(&mut self, unit: UnitCode, known: Option<&Known>) -> Operation {
        let document = self.document();
        if self.one_in(3) {
            return Seal { unit, term_ms: (1 + self.below(60)) * DAY, document }.into();
        }
        let (_, burden) = self.known_burden(known, Some(BurdenKind::Seal));
        Unseal { unit, burden, document }.into()
    }

    fn end(&mut self, unit: UnitCode, known: Option<&Known>, now: u64) -> Operation {
        let (document, consents) = (self.document(), self.consents());
        let (kind, burden) = self.known_burden(known, None);
        match (kind, self.one_in(2)) {
            (BurdenKind::Objection, true) => Progress { unit, burden, fact: Fact::SuitFiled, document }.into(),
            (BurdenKind::Notice, true) => {
                let fact = Fact::PossibleFromMs(now + self.below(60) * DAY - 30 * DAY);
                Progress { unit, burden, fact, document }.into()
            }
            _ => Release { unit, kind, burden, by_court: self.one_in(4), consents, document }.into(),
        }
    }

    fn burden(&mut self, kind: u64, unit: UnitCode, now: u64) -> Operation {
        let (document, consents, party) = (self.document(), self.consents(), self.person());
        let certificate = self.number(RealtyDocument::Proof);
        match kind {
            11 => Objection { unit, objector: party, document, certificate }.into(),
            12 => {
                let possible_from_ms = if self.one_in(2) { now + self.below(60) * DAY } else { 0 };
                Notice { unit, holder: party, possible_from_ms, consents, document, certificate }.into()
            }
            13 => {
                let right = if self.one_in(2) { Right::Habitation } else { Right::Easement };
                let until_ms = if self.one_in(2) { now + self.below(90) * DAY } else { 0 };
                Interest { unit, right, holder: party, until_ms, consents, document, certificate }.into()
            }
            _ => {
                let transfer_forbidden = self.one_in(2);
                Mortgage { unit, mortgagee: party, transfer_forbidden, consents, document, certificate }.into()
            }
        }
    }
}
