//! What must hold, by label. R1 to R14 are rules of the engine's page, I1 to I13 the project's invariants.
//!
//! | label | what is checked | where |
//! |---|---|---|
//! | I1 | one final block at each height, on all nodes, for ever | `chain` |
//! | I2 | one certified result of a block | `chain` |
//! | I3 | no view is finalized and nullified, none has two notarized blocks | `chain` |
//! | I4 | a block whose parent is older than the view before carries nullifications of all views between | `chain` |
//! | I5 | no node signs two statements that the safety rule forbids, whatever crashes between them | `signer` |
//! | I6 | what is final stays final; what was signed is found again | `chain`, `signer` |
//! | I7 | results and rows equal those of one executor that runs the final blocks one after the other | `chain` |
//! | I8 | every certificate verifies with its epoch's validators and with no other set; messages survive encoding | `chain`, `env` |
//! | I9 | evidence convicts, and never an honest node | `signer` |
//! | I10 | what a client was told is on the chain exactly so, once; a node's height never falls | `clients` |
//! | I11 | views, blocks, queues in memory are bounded | `rules` |
//! | I12 | after the faults all correct nodes reach one height, and a new transaction is final soon | `cluster` |
//! | I13 | the same seed gives the same trace | `run` |
//! | R1 | a view is entered by a journaled certificate of the one before, or by a new root | `rules` |
//! | R2 | only the leader proposes, coherently, with all skips and its parent's certificate | `rules` |
//! | R3 | only blocks that were judged valid, on a notarized or final parent, are voted for | `rules` |
//! | R4 | a certificate of the current view or a later one ends it | `rules` |
//! | R5 | a block is executed after its parent, once in a process | `rules` |
//! | R6 | a finalize vote names a notarized block and the node's own result | `rules` |
//! | R7 | finality needs a quorum's finalize votes, rises, and never contradicts the own result | `rules` |
//! | R8 | nobody gives a view up before its timers allow | `rules` |
//! | R9 | timeouts are those of the back-off, never more | `rules` |
//! | R10 | while transactions wait the resend timer runs | `rules` |
//! | R11 | an idle healed cluster makes heartbeats and says nothing else | `cluster` |
//! | R12 | bodies are rationed; whoever is behind catches up | `rules`, `cluster` |
//! | R13 | votes are durable before they are sent; a restart stands where the journal says | `signer` |
//! | R14 | an epoch begins with its predecessor's last block, and only its own validators vote in it | `chain`, `rules` |

mod chain;
mod clients;
mod rules;
mod signer;

use crate::trace::Violation;
use crate::world::World;
use hnchain_consensus::Verifier;
use hnchain_crypto::PublicKey;
use hnchain_types::certificate::Certificate;
use hnchain_types::genesis::ValidatorSet;
use hnchain_types::{Epoch, GenesisDigest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

macro_rules! labels {
    ($($name:ident),* $(,)?) => {
        /// A rule of the engine's page or an invariant of the project.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)] // the table above
        pub enum Label { $($name),* }

        impl Label {
            /// All labels.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

labels!(
    I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I12, I13, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, R14
);

/// The checkers and what they remember.
pub(crate) struct Checks {
    pub(crate) violation: Option<Violation>,
    /// How often each label was looked at.
    pub(crate) marks: [u64; Label::ALL.len()],
    genesis: GenesisDigest,
    verifier: Arc<dyn Verifier>,
    delta_us: u64,
    /// Validators of every epoch that has begun anywhere.
    sets: BTreeMap<Epoch, Arc<ValidatorSet>>,
    /// Keys whose owners need not follow the rules: adversaries, and nodes whose disks lied.
    pub(crate) faulty: BTreeSet<usize>,
    /// Nodes of such keys.
    pub(crate) exempt: BTreeSet<usize>,
    /// Key of each node.
    pub(crate) keys: Vec<PublicKey>,
    chain: chain::Chain,
    tally: signer::Tally,
    signers: Vec<signer::Signer>,
    rules: Vec<rules::Watched>,
    told: clients::Told,
}

impl Checks {
    pub(crate) fn new(world: &Arc<World>, verifier: Arc<dyn Verifier>, nodes: usize) -> Self {
        let first = Arc::new(world.genesis.validators().clone());
        Self {
            violation: None,
            marks: [0; Label::ALL.len()],
            genesis: world.genesis.digest(),
            verifier,
            delta_us: world.chain.parameters.delta_ms * 1_000,
            sets: BTreeMap::from([(Epoch(0), first)]),
            faulty: BTreeSet::new(),
            exempt: BTreeSet::new(),
            keys: Vec::new(),
            tally: signer::Tally::default(),
            chain: chain::Chain::new(world.clone(), nodes),
            signers: (0..nodes).map(|_| signer::Signer::default()).collect(),
            rules: (0..nodes).map(|_| rules::Watched::default()).collect(),
            told: clients::Told::default(),
        }
    }

    /// A rule did not hold. The first counts.
    pub(crate) fn fail(&mut self, label: Label, what: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { label, what });
        }
    }

    /// Looks at a label: fails where the condition does not hold.
    pub(crate) fn check(&mut self, label: Label, holds: bool, what: impl FnOnce() -> String) {
        self.marks[label as usize] += 1;
        if !holds {
            self.fail(label, what());
        }
    }

    /// Another epoch has begun somewhere.
    pub(crate) fn set(&self, epoch: Epoch) -> Option<&Arc<ValidatorSet>> {
        self.sets.get(&epoch)
    }

    /// The newest set.
    pub(crate) fn newest_set(&self) -> Option<(&Epoch, &Arc<ValidatorSet>)> {
        self.sets.last_key_value()
    }

    fn verifies(&self, certificate: &Certificate, set: &ValidatorSet) -> bool {
        certificate
            .verify_by(self.genesis, set, |_, key, digest, signature| self.verifier.verify(key, digest, signature))
            .is_ok()
    }

    /// Votes of honest nodes that a certificate of an epoch must contain.
    fn honest_quorum(&self, epoch: Epoch) -> usize {
        let Some(set) = self.sets.get(&epoch) else { return 1 };
        set.quorum().saturating_sub(self.faulty.len()).max(1)
    }
}
