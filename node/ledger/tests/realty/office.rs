//! A registry in 开封 and its courts, and what they write.

use crate::scene::{CHAIN, START_MS, World, organization, sign};
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_ledger::StateView;
use hnchain_types::codes::{RealtyCertificateNumber, RealtyDocument, UnitCode};
use hnchain_types::genesis::{Document, Genesis, Parameters, Registry, Role, Signer, Validator};
use hnchain_types::proto;
use hnchain_types::realty::{
    Burden, BurdenKind, Cancel, Change, Correct, Entry, Fact, Interest, Mortgage, Notice, Objection, Operation,
    Progress, Register, Release, Right, Seal, Share, Title, Transfer, Unit, UnitView, Unseal, burden_key, entry_key,
    unit_key,
};

pub(crate) const PARCEL: &str = "410202001001GB00001W00000000";
pub(crate) const FLAT: &str = "410202001001GB00001F00010001";
pub(crate) const DAY: u64 = 86_400_000;

/// Whose key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The registry of 开封市, for every 登记类型.
    Registrar = 20,
    /// The registry of 开封市, for 转移登记 only.
    TransfersOnly,
    /// The registry of 郑州市.
    Elsewhere,
    /// The registry of the province.
    Province,
    /// A court of 开封市.
    Court,
    /// Another court of 开封市.
    SecondCourt,
    /// A court of 郑州市.
    CourtElsewhere,
}

impl Who {
    pub(crate) const ALL: [Self; 7] = [
        Self::Registrar,
        Self::TransfersOnly,
        Self::Elsewhere,
        Self::Province,
        Self::Court,
        Self::SecondCourt,
        Self::CourtElsewhere,
    ];

    pub(crate) fn key(self) -> SecretKey {
        SecretKey::from_bytes(&[self as u8; 32]).unwrap()
    }
}

/// A person.
pub(crate) fn who(n: u64) -> Digest {
    sm3(format!("person {n}").as_bytes())
}

/// A document.
pub(crate) fn paper(n: u64) -> Digest {
    sm3(format!("paper {n}").as_bytes())
}

pub(crate) fn unit(code: &str) -> UnitCode {
    code.parse().unwrap()
}

pub(crate) fn shares(list: &[(u64, u32, u32)]) -> Title {
    Title::shares(list.iter().map(|(n, a, b)| (who(*n), Share::new(*a, *b))))
}

fn genesis() -> Genesis {
    let realty = |division: &str, subject: Option<&str>| Role::Registrar {
        registry: Registry::Realty,
        subject: subject.map(str::to_owned),
        division: Some(division.parse().unwrap()),
    };
    let court = |division: &str| Role::Court { division: Some(division.parse().unwrap()) };
    let role = |who: Who| match who {
        Who::Registrar => ("kaifeng", realty("410200", None)),
        Who::TransfersOnly => ("kaifeng", realty("410200", Some("200"))),
        Who::Elsewhere => ("zhengzhou", realty("410100", None)),
        Who::Province => ("henan", realty("410000", None)),
        Who::Court => ("kaifeng-court", court("410200")),
        Who::SecondCourt => ("second-court", court("410200")),
        Who::CourtElsewhere => ("zhengzhou-court", court("410100")),
    };
    let signer = |who: Who| {
        let (organization, role) = role(who);
        Signer {
            public_key: who.key().public_key(),
            organization: organization.to_owned(),
            roles: vec![role],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }
    };
    let organizations = [
        ("henan", "410000"),
        ("kaifeng", "410200"),
        ("zhengzhou", "410100"),
        ("kaifeng-court", "410200"),
        ("second-court", "410200"),
        ("zhengzhou-court", "410100"),
    ];
    Genesis::create(&Document {
        version: 1,
        chain_id: CHAIN.to_owned(),
        name: "河南链（示例）".to_owned(),
        time_ms: START_MS,
        parameters: Parameters::default(),
        organizations: organizations.iter().map(|(id, division)| organization(id, division)).collect(),
        certificate_types: vec![],
        signers: Who::ALL.iter().map(|who| signer(*who)).collect(),
        validators: vec![Validator::new(CHAIN, "henan", &SecretKey::from_bytes(&[6; 32]).unwrap())],
    })
    .unwrap()
}

/// A chain, and the next number of a certificate.
pub(crate) struct Office {
    pub(crate) w: World,
    next: u32,
}

impl Office {
    pub(crate) fn new() -> Self {
        Self { w: World::of(&genesis()), next: 0 }
    }

    /// With the parcel, and the flat held by person 1 alone: entry 1 of each.
    pub(crate) fn with_flat() -> Self {
        Self::with_flat_of(Title::sole(who(1)))
    }

    pub(crate) fn with_flat_of(title: Title) -> Self {
        let mut o = Self::new();
        let parcel = o.register(PARCEL, Right::StateConstruction, Title::sole(who(100)));
        o.does(parcel);
        let flat = o.register(FLAT, Right::Building, title);
        o.does(flat);
        o
    }

    /// The number of the next 不动产权证书.
    pub(crate) fn title_number(&mut self) -> RealtyCertificateNumber {
        self.number(RealtyDocument::Title)
    }

    fn number(&mut self, document: RealtyDocument) -> RealtyCertificateNumber {
        self.next += 1;
        RealtyCertificateNumber::from_parts('豫', 2023, "开封市", document, self.next).unwrap()
    }

    pub(crate) fn register(&mut self, code: &str, right: Right, title: Title) -> Register {
        let certificate = self.title_number();
        Register { unit: unit(code), right, title, usage: "住宅".to_owned(), document: paper(1), certificate }
    }

    /// Of the flat, from its present holders.
    pub(crate) fn transfer(&mut self, title: Title, consents: &[u64]) -> Transfer {
        let mut from: Vec<_> = self.unit(FLAT).title.commitments().collect();
        from.sort_unstable();
        let certificate = self.title_number();
        Transfer { unit: unit(FLAT), from, title, consents: people(consents), document: paper(2), certificate }
    }

    pub(crate) fn change(&mut self, usage: &str, consents: &[u64]) -> Change {
        let (usage, certificate) = (usage.to_owned(), self.title_number());
        Change { unit: unit(FLAT), usage, consents: people(consents), document: paper(3), certificate }
    }

    pub(crate) fn cancel(&mut self, code: &str, consents: &[u64]) -> Cancel {
        Cancel { unit: unit(code), consents: people(consents), document: paper(4), reason: "房屋灭失".to_owned() }
    }

    pub(crate) fn correct(&mut self, entry: u32) -> Correct {
        let (reason, document) = ("登记有误".to_owned(), paper(5));
        Correct { unit: unit(FLAT), entry, holders: vec![], document, reason, certificate: None }
    }

    pub(crate) fn mortgage(&mut self, to: u64, consents: &[u64]) -> Mortgage {
        let certificate = self.number(RealtyDocument::Proof);
        Mortgage {
            unit: unit(FLAT),
            mortgagee: who(to),
            transfer_forbidden: false,
            consents: people(consents),
            document: paper(6),
            certificate,
        }
    }

    pub(crate) fn notice(&mut self, to: u64, consents: &[u64]) -> Notice {
        let certificate = self.number(RealtyDocument::Proof);
        Notice {
            unit: unit(FLAT),
            holder: who(to),
            possible_from_ms: 0,
            consents: people(consents),
            document: paper(7),
            certificate,
        }
    }

    pub(crate) fn objection(&mut self, by: u64) -> Objection {
        let certificate = self.number(RealtyDocument::Proof);
        Objection { unit: unit(FLAT), objector: who(by), document: paper(8), certificate }
    }

    pub(crate) fn interest(&mut self, to: u64, consents: &[u64]) -> Interest {
        let certificate = self.number(RealtyDocument::Proof);
        Interest {
            unit: unit(FLAT),
            right: Right::Habitation,
            holder: who(to),
            until_ms: 0,
            consents: people(consents),
            document: paper(9),
            certificate,
        }
    }

    pub(crate) fn release(&mut self, kind: BurdenKind, burden: u32, consents: &[u64]) -> Release {
        let consents = people(consents);
        Release { unit: unit(FLAT), kind, burden, by_court: false, consents, document: paper(10) }
    }

    pub(crate) fn progress(&mut self, burden: u32, fact: Fact) -> Progress {
        Progress { unit: unit(FLAT), burden, fact, document: paper(11) }
    }

    pub(crate) fn seal(&mut self, days: u64) -> Seal {
        Seal { unit: unit(FLAT), term_ms: days * DAY, document: paper(12) }
    }

    pub(crate) fn unseal(&mut self, burden: u32) -> Unseal {
        Unseal { unit: unit(FLAT), burden, document: paper(13) }
    }

    /// A block of one operation, by the registrar, or the court where it is a court's.
    pub(crate) fn attempt(&mut self, op: impl Into<Operation>) -> Result<proto::RealtyChanged, String> {
        let op = op.into();
        self.attempt_by(if op.is_judicial() { Who::Court } else { Who::Registrar }, op)
    }

    pub(crate) fn attempt_by(&mut self, by: Who, op: impl Into<Operation>) -> Result<proto::RealtyChanged, String> {
        let body = self.w.body().operation(op.into().to_kind());
        let events = self.w.one(&by.key(), &body).map_err(|r| r.code)?;
        match &events[0].kind {
            Some(proto::event::Kind::Realty(changed)) => Ok(changed.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// Gives the number of the entry.
    #[track_caller]
    pub(crate) fn does(&mut self, op: impl Into<Operation>) -> u32 {
        self.attempt(op).unwrap().entry
    }

    #[track_caller]
    pub(crate) fn refuses(&mut self, op: impl Into<Operation>, code: &str) {
        assert_eq!(self.attempt(op), Err(code.to_owned()));
    }

    /// Several operations in one transaction.
    pub(crate) fn together(&mut self, ops: &[Operation]) -> String {
        let body = ops.iter().fold(self.w.body(), |body, op| body.operation(op.to_kind()));
        let tx = sign(&Who::Registrar.key(), &body);
        crate::scene::code(&self.w.block(&[tx])[0])
    }

    pub(crate) fn unit(&self, code: &str) -> Unit {
        Unit::decode(&self.w.state.row(&unit_key(&unit(code))).unwrap().unwrap()).unwrap()
    }

    pub(crate) fn entry(&self, code: &str, n: u32) -> Entry {
        Entry::decode(&self.w.state.row(&entry_key(&unit(code), n)).unwrap().unwrap()).unwrap()
    }

    pub(crate) fn burden(&self, code: &str, kind: BurdenKind, n: u32) -> Burden {
        Burden::decode(&self.w.state.row(&burden_key(&unit(code), kind, n)).unwrap().unwrap()).unwrap()
    }

    /// What a verifier reads at a time.
    pub(crate) fn view(&self, code: &str, time_ms: u64) -> UnitView {
        let unit = self.unit(code);
        let burdens = BurdenKind::ALL
            .iter()
            .flat_map(|kind| unit.open(*kind).iter().map(|n| self.burden(code, *kind, *n)))
            .collect();
        UnitView::at(unit, burdens, time_ms).unwrap()
    }

    /// Units that a person holds, by the index.
    pub(crate) fn held_by(&self, n: u64) -> Vec<String> {
        let prefix = hnchain_types::realty::holder_prefix(&who(n));
        let keys = self.w.state.rows().keys();
        keys.filter_map(|k| k.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The chain of title from the first registration to the unit's row.
    pub(crate) fn check_chain(&self, code: &str) {
        let unit = self.unit(code);
        let mut before = None;
        for n in 1..=unit.entries {
            let entry = self.entry(code, n);
            assert_eq!(entry.previous, before);
            before = Some(entry.hash());
        }
        assert_eq!(before, Some(unit.entry_hash));
    }
}

pub(crate) fn people(list: &[u64]) -> Vec<Digest> {
    list.iter().map(|n| who(*n)).collect()
}
