//! A chain whose organizations change its validators together.

use crate::scene::{CHAIN, START_MS, World, code, organization, sign};
use hnchain_crypto::{PublicKey, SecretKey, sm3};
use hnchain_ledger::membership::{governing, signer_key};
use hnchain_ledger::{NextSet, current_set};
use hnchain_types::certificate::Statement;
use hnchain_types::genesis::{Document, Genesis, Parameters, Role, Signer, Validator, ValidatorSet};
use hnchain_types::governance::{Change, Join, Proposal, Rotation, ValidatorsChange, proposal_key};
use hnchain_types::transaction::{BodyBuilder, Transaction};
use hnchain_types::vote::{Evidence, Vote};
use hnchain_types::{BlockHash, Epoch, TxId, ValidatorIndex, View, proto};
use std::collections::{BTreeMap, BTreeSet};

/// Names of organizations, as many as there can be validators here.
pub(crate) fn name(i: usize) -> String {
    format!("city-{i:02}")
}

/// Key of a validator of the genesis; later ones have higher numbers.
pub(crate) fn validator(i: usize) -> SecretKey {
    SecretKey::from_bytes(&sm3(format!("validator {i}").as_bytes()).0).unwrap()
}

/// Key of an organization's administrator.
pub(crate) fn administrator(i: usize) -> SecretKey {
    SecretKey::from_bytes(&sm3(format!("administrator {i}").as_bytes()).0).unwrap()
}

/// Key of an organization's writer of records.
pub(crate) fn writer(i: usize) -> SecretKey {
    SecretKey::from_bytes(&sm3(format!("writer {i}").as_bytes()).0).unwrap()
}

/// A chain of organizations with an administrator and a writer each. Those at the front run validators.
pub(crate) struct Council {
    pub(crate) w: World,
}

impl Council {
    /// `runs[i]` is the organization of validator i; one organization more runs none.
    pub(crate) fn new(runs: &[usize], suspend_equivocators: bool) -> Self {
        let organizations = runs.iter().max().unwrap() + 2;
        let signer = |key: SecretKey, i, role| Signer {
            public_key: key.public_key(),
            organization: name(i),
            roles: vec![role],
            valid_from_ms: 0,
            valid_until_ms: 0,
        };
        let both = |i| {
            let writes = Role::RegistryWriter { namespace: "certificate".to_owned() };
            [signer(administrator(i), i, Role::Administrator {}), signer(writer(i), i, writes)]
        };
        let genesis = Genesis::create(&Document {
            version: 1,
            chain_id: CHAIN.to_owned(),
            name: "河南链（示例）".to_owned(),
            time_ms: START_MS,
            parameters: Parameters { suspend_equivocators, ..Parameters::default() },
            organizations: (0..organizations).map(|i| organization(&name(i), "410100")).collect(),
            certificate_types: vec![],
            signers: (0..organizations).flat_map(both).collect(),
            validators: runs.iter().enumerate().map(|(i, o)| Validator::new(CHAIN, &name(*o), &validator(i))).collect(),
        })
        .unwrap();
        Self { w: World::of(&genesis) }
    }

    /// n validators, each of an organization of its own.
    pub(crate) fn each(n: usize) -> Self {
        Self::new(&(0..n).collect::<Vec<_>>(), false)
    }

    /// As [`Council::each`], with offenders suspended.
    pub(crate) fn strict(n: usize) -> Self {
        Self::new(&(0..n).collect::<Vec<_>>(), true)
    }

    pub(crate) fn propose(&mut self, by: usize, change: impl Into<Change>) -> Transaction {
        let body = self.w.body().propose(change.into(), "更换设备");
        sign(&administrator(by), &body)
    }

    pub(crate) fn approve(&mut self, by: usize, proposal: TxId) -> Transaction {
        let body = self.w.body().approve(proposal);
        sign(&administrator(by), &body)
    }

    pub(crate) fn accuse(&mut self, by: usize, evidence: &Evidence) -> Transaction {
        let body = self.w.body().submit_evidence(evidence);
        sign(&validator(by), &body)
    }

    /// A body of one operation for each of these.
    pub(crate) fn body(&mut self) -> BodyBuilder {
        self.w.body()
    }

    /// Appends a block of one transaction and gives the code of its refusal, empty where it was accepted.
    pub(crate) fn one(&mut self, tx: &Transaction) -> String {
        code(&self.w.block(std::slice::from_ref(tx))[0])
    }

    /// Has the first organization propose, and others approve until one approval is missing.
    pub(crate) fn almost(&mut self, change: impl Into<Change>) -> TxId {
        let tx = self.propose(0, change);
        assert_eq!(self.one(&tx), "");
        for _ in 2..self.needed(tx.id()) {
            let approval = self.last(tx.id());
            assert_eq!(self.one(&approval), "");
        }
        tx.id()
    }

    /// An approval by the first organization that runs a validator and has not approved.
    pub(crate) fn last(&mut self, proposal: TxId) -> Transaction {
        let given: Vec<_> = self.proposal(proposal).approvals.into_iter().map(|a| a.organization).collect();
        let by = self.running().into_iter().find(|i| !given.contains(&name(*i))).unwrap();
        self.approve(by, proposal)
    }

    /// Proposes and approves until the change takes effect; gives the code of the decisive transaction.
    pub(crate) fn decide(&mut self, change: impl Into<Change>) -> String {
        let tx = self.propose(0, change);
        let mut code = self.one(&tx);
        while code.is_empty() && self.proposal(tx.id()).enacted.is_none() {
            let next = self.last(tx.id());
            code = self.one(&next);
        }
        code
    }

    /// As [`Council::decide`], where the change takes effect; gives the proposal.
    pub(crate) fn enacted(&mut self, change: impl Into<Change>) -> Proposal {
        let before: BTreeSet<String> = self.w.state.rows().keys().cloned().collect();
        assert_eq!(self.decide(change), "");
        let mut new = self.w.state.rows().iter().filter(|(k, _)| k.starts_with("governance/") && !before.contains(*k));
        Proposal::decode(new.next().unwrap().1).unwrap()
    }

    /// Approvals that a proposal needs.
    fn needed(&self, proposal: TxId) -> usize {
        let thresholds = governing(&self.w.state).unwrap().thresholds;
        thresholds.of(self.proposal(proposal).content.change.kind()).needed(self.running().len())
    }

    /// Organizations that run validators now.
    fn running(&self) -> Vec<usize> {
        let set = self.set();
        let names = set.list().organizations();
        (0..64).filter(|i| names.contains(name(*i).as_str())).collect()
    }

    pub(crate) fn set(&self) -> ValidatorSet {
        current_set(&self.w.state).unwrap().2
    }

    pub(crate) fn epoch(&self) -> (u64, u64) {
        let (epoch, height, _) = current_set(&self.w.state).unwrap();
        (epoch.0, height.0)
    }

    /// Numbers of the validators in the set, in order.
    pub(crate) fn members(&self) -> Vec<usize> {
        let known: BTreeMap<PublicKey, usize> = (0..64).map(|i| (validator(i).public_key(), i)).collect();
        self.set().public_keys().map(|key| known[&key]).collect()
    }

    pub(crate) fn proposal(&self, id: TxId) -> Proposal {
        Proposal::decode(&self.w.state.rows()[&proposal_key(&id)]).unwrap()
    }

    pub(crate) fn signer(&self, key: &SecretKey) -> Option<proto::Signer> {
        self.w.row(&signer_key(&key.public_key()))
    }

    pub(crate) fn is_validator(&self, i: usize) -> bool {
        let row = self.signer(&validator(i)).unwrap_or_default();
        row.roles.iter().filter(|r| r.kind() == proto::RoleKind::Validator).count() == 1
    }

    /// Contradictory votes of a validator that has this index in an epoch.
    pub(crate) fn evidence(&self, who: usize, index: u32, epoch: u64, view: u64) -> Evidence {
        let genesis = self.w.chain.genesis;
        let vote = |statement: Statement| {
            let signature = validator(who).sign(&statement.digest(genesis, Epoch(epoch), View(view)));
            Vote { epoch: Epoch(epoch), view: View(view), statement, signer: ValidatorIndex(index), signature }
        };
        let notarize = |b: &str| vote(Statement::Notarize { block: BlockHash(sm3(b.as_bytes())) });
        Evidence::new(notarize("one"), notarize("another")).unwrap()
    }
}

pub(crate) fn joins(who: &[usize], organization: usize) -> ValidatorsChange {
    let join = who.iter().map(|i| Join::new(CHAIN, &name(organization), &validator(*i))).collect();
    ValidatorsChange { join, ..ValidatorsChange::default() }
}

pub(crate) fn leaves(who: &[usize]) -> ValidatorsChange {
    ValidatorsChange { leave: who.iter().map(|i| validator(*i).public_key()).collect(), ..ValidatorsChange::default() }
}

/// Rotations of validators that are of the organization of their own number.
pub(crate) fn rotates(pairs: &[(usize, usize)]) -> ValidatorsChange {
    let each = pairs.iter().flat_map(|(old, new)| rotates_of(*old, *old, *new).rotate);
    ValidatorsChange { rotate: each.collect(), ..ValidatorsChange::default() }
}

/// A rotation of an organization's validator.
pub(crate) fn rotates_of(organization: usize, old: usize, new: usize) -> ValidatorsChange {
    let rotation = Rotation::new(CHAIN, &name(organization), validator(old).public_key(), &validator(new));
    ValidatorsChange { rotate: vec![rotation], ..ValidatorsChange::default() }
}

/// Numbers and hash of what begins with the next block.
pub(crate) fn epoch_of(next: &Option<NextSet>) -> Option<u64> {
    next.as_ref().map(|next| next.epoch.0)
}
