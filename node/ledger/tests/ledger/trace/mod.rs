//! 农产品溯源: a farm, a plant, a shop, an agency and a bureau.

mod lineage;
mod model;
mod recall;
mod roles;
mod rules;

use crate::scene::{CHAIN, START_MS, World, organization};
use hnchain_crypto::{Digest, SecretKey, sm3};
use hnchain_ledger::StateView;
use hnchain_types::codes::CreditCode;
use hnchain_types::genesis::{Document, Genesis, Parameters, Registry, Role, Signer, Validator};
use hnchain_types::proto;
use hnchain_types::trace::{
    Act, Aggregate, Batch, BatchId, Certify, Commission, Destroy, Disaggregate, Event, Harvest, Input, InputKind,
    Inspect, Operation, Output, Part, Place, Quantity, Recall, Receive, Return, Sell, Ship, Split, Step, Transform,
};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use prost::Message;
use std::sync::LazyLock;

/// An organization of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Makes batches in 411200: producer, carrier and seller there.
    Farm,
    /// All of it in 410100.
    Plant,
    /// Seller and carrier in 410200.
    Shop,
    /// Inspects everywhere.
    Agency,
    /// Recalls in 411200.
    Bureau,
    /// A member without a role in this registry.
    Guest,
}

use Who::{Agency, Bureau, Farm, Guest, Plant, Shop};

pub(crate) const ALL: [Who; 6] = [Farm, Plant, Shop, Agency, Bureau, Guest];

impl Who {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Farm => "farm",
            Plant => "plant",
            Shop => "shop",
            Agency => "agency",
            Bureau => "bureau",
            Guest => "guest",
        }
    }

    pub(crate) fn division(self) -> &'static str {
        match self {
            Farm | Bureau => "411200",
            Plant => "410100",
            Shop => "410200",
            Agency | Guest => "410000",
        }
    }

    pub(crate) fn key(self) -> SecretKey {
        SecretKey::from_bytes(&[40 + self as u8; 32]).unwrap()
    }

    pub(crate) fn credit(self) -> CreditCode {
        CreditCode::from_parts('9', '1', self.division().parse().unwrap(), &format!("MA0000X{}", self as u8)).unwrap()
    }

    fn roles(self) -> Vec<Role> {
        let role = |subject: Option<&str>, division: Option<&str>| Role::Registrar {
            registry: Registry::Trace,
            subject: subject.map(str::to_owned),
            division: division.map(|d| d.parse().unwrap()),
        };
        match self {
            Farm => ["producer", "carrier", "seller"].map(|s| role(Some(s), Some("411200"))).to_vec(),
            Plant => vec![role(None, Some("410100"))],
            Shop => ["seller", "carrier"].map(|s| role(Some(s), Some("410200"))).to_vec(),
            Agency => vec![role(Some("inspection"), None)],
            Bureau => vec![role(Some("recall"), Some("411200"))],
            Guest => vec![Role::RegistryWriter { namespace: "*".to_owned() }],
        }
    }
}

pub(crate) fn genesis() -> Genesis {
    let signer = |who: &Who| Signer {
        public_key: who.key().public_key(),
        organization: who.id().to_owned(),
        roles: who.roles(),
        valid_from_ms: 0,
        valid_until_ms: 0,
    };
    let member = |who: &Who| {
        let mut organization = organization(who.id(), who.division());
        organization.credit_code = who.credit().to_string();
        organization
    };
    Genesis::create(&Document {
        version: 1,
        chain_id: CHAIN.to_owned(),
        name: "农产品溯源（示例）".to_owned(),
        time_ms: START_MS,
        parameters: Parameters::default(),
        organizations: ALL.iter().map(member).collect(),
        certificate_types: vec![],
        signers: ALL.iter().map(signer).collect(),
        validators: vec![Validator::new(CHAIN, "guest", &SecretKey::from_bytes(&[99; 32]).unwrap())],
    })
    .unwrap()
}

pub(crate) fn id(who: Who, code: &str) -> BatchId {
    BatchId { producer: who.credit(), code: code.parse().unwrap() }
}

pub(crate) fn kg(text: &str) -> Quantity {
    format!("{text} kg").parse().unwrap()
}

pub(crate) fn place(division: &str) -> Place {
    Place { division: division.parse().unwrap(), commitment: sm3(division.as_bytes()) }
}

pub(crate) fn step(batch: &BatchId, act: Act) -> Operation {
    Step { batch: batch.clone(), act }.into()
}

pub(crate) fn commission(who: Who, code: &str, quantity: &str, growing: bool) -> Operation {
    let (product, quantity, place) = ("06901234567892".to_owned(), quantity.parse().unwrap(), place(who.division()));
    step(&id(who, code), Act::Commission(Commission { product, quantity, place, growing }))
}

pub(crate) fn input(days: u32) -> Act {
    Act::Input(Input { kind: InputKind::Pesticide, product: "PD20240001".to_owned(), safety_days: days })
}

pub(crate) fn harvest(quantity: &str) -> Act {
    Act::Harvest(Harvest { quantity: quantity.parse().unwrap() })
}

pub(crate) fn inspect(passed: bool) -> Act {
    Act::Inspect(Inspect { passed, report: sm3(b"report") })
}

pub(crate) fn certify() -> Act {
    Act::Certify(Certify { certificate: sm3(b"certificate") })
}

pub(crate) fn aggregate() -> Act {
    Act::Aggregate(Aggregate { container: "托盘-7".to_owned() })
}

pub(crate) fn disaggregate() -> Act {
    Act::Disaggregate(Disaggregate {})
}

pub(crate) fn ship(to: Who) -> Act {
    Act::Ship(Ship { to: to.id().to_owned() })
}

pub(crate) fn receive(division: &str) -> Act {
    Act::Receive(Receive { place: place(division) })
}

pub(crate) fn sell(quantity: &str) -> Act {
    Act::Sell(Sell { quantity: quantity.parse().unwrap() })
}

pub(crate) fn recall() -> Act {
    Act::Recall(Recall { reason: "农残超标".to_owned() })
}

pub(crate) fn give_back(to: Who) -> Act {
    Act::Return(Return { to: to.id().to_owned(), reason: "召回退货".to_owned(), place: place(to.division()) })
}

pub(crate) fn destroy() -> Act {
    Act::Destroy(Destroy { reason: "变质".to_owned() })
}

pub(crate) fn part(who: Who, code: &str, quantity: &str) -> Part {
    Part { batch: id(who, code), quantity: quantity.parse().unwrap() }
}

/// A split into parts of a unit; `who` makes the parts.
pub(crate) fn split(batch: &BatchId, taken: &str, loss: &str, parts: Vec<Part>) -> Operation {
    Split { batch: batch.clone(), taken: taken.parse().unwrap(), loss: loss.parse().unwrap(), parts }.into()
}

pub(crate) fn transform(who: Who, inputs: Vec<Part>, outputs: &[(&str, &str)], yield_permille: u32) -> Operation {
    let outputs = outputs.iter().map(|(code, quantity)| Output {
        batch: id(who, code),
        product: "苹果汁".to_owned(),
        quantity: quantity.parse().unwrap(),
    });
    let (outputs, place) = (outputs.collect(), place(who.division()));
    Transform { inputs, outputs, place, yield_permille, conversion: None }.into()
}

/// A transaction of a member under a signature that nobody made: the ledger leaves signatures to its caller, and signing
/// would be most of the time of a test with very many operations.
pub(crate) fn unsigned(who: Who, body: &BodyBuilder) -> Transaction {
    static KEYS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| ALL.iter().map(|who| who.key().public_key().as_bytes().to_vec()).collect());
    let envelope = proto::Transaction {
        body: body.encode(),
        public_key: KEYS[who as usize].clone(),
        signature: vec![1; 64],
        hint: 0,
    };
    Transaction::decode(&envelope.encode_to_vec()).unwrap()
}

/// A chain with batches on it.
pub(crate) struct Scene {
    pub(crate) w: World,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { w: World::of(&genesis()) }
    }

    /// One transaction in a block of its own; the code of its refusal.
    pub(crate) fn all(&mut self, who: Who, ops: &[Operation]) -> Result<Vec<proto::Event>, String> {
        let body =
            ops.iter().fold(self.w.body(), |body, op| body.operation(proto::operation::Kind::Trace(op.to_proto())));
        crate::scene::outcome(&self.w.block(&[unsigned(who, &body)])[0]).map_err(|r| r.code)
    }

    pub(crate) fn one(&mut self, who: Who, op: Operation) -> Result<(), String> {
        self.all(who, &[op]).map(|_| ())
    }

    pub(crate) fn act(&mut self, who: Who, batch: &BatchId, act: Act) -> Result<(), String> {
        self.one(who, step(batch, act))
    }

    /// A harvested batch with its maker.
    pub(crate) fn batch(&mut self, who: Who, code: &str, quantity: &str) -> BatchId {
        self.one(who, commission(who, code, quantity, false)).unwrap();
        id(who, code)
    }

    /// Ships a batch and receives it.
    pub(crate) fn hand_over(&mut self, batch: &BatchId, from: Who, to: Who) {
        self.act(from, batch, ship(to)).unwrap();
        self.act(to, batch, receive(to.division())).unwrap();
    }

    pub(crate) fn row(&self, batch: &BatchId) -> Batch {
        Batch::decode(&self.w.state.row(&batch.key()).unwrap().unwrap()).unwrap()
    }

    pub(crate) fn event(&self, batch: &BatchId, number: u32) -> Event {
        Event::decode(&self.w.state.row(&batch.event_key(number)).unwrap().unwrap()).unwrap()
    }

    pub(crate) fn events(&self, batch: &BatchId) -> Vec<Event> {
        (1..=self.row(batch).events).map(|n| self.event(batch, n)).collect()
    }

    /// Puts a row into the state that the registry could only reach after very many events.
    pub(crate) fn force(&mut self, batch: &Batch) {
        let changes = [(batch.id.key(), Some(batch.encode()))].into();
        let height = hnchain_types::Height(self.w.height);
        self.w.state.apply(height, &changes, []);
    }
}

pub(crate) fn refused(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}

/// A batch's row as the state holds it.
pub(crate) fn digest_of(raw: &[u8]) -> Digest {
    hnchain_types::trace::event_hash(raw)
}
