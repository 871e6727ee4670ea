//! Who may link to this node, and what this node is, as the state says it.

use crate::shared::{Role, Shared};
use hnchain_crypto::PublicKey;
use hnchain_network::Network;
use hnchain_storage::StorageError;
use hnchain_types::genesis::{self, Genesis};
use hnchain_types::proto;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Validities of observers end, and keys are revoked, without an epoch's end.
const REFRESH: Duration = Duration::from_secs(15);
/// A validator that has left stays linked for so long: it may have to hear first that it has.
const FAREWELL: Duration = Duration::from_secs(30);
/// Rows of signers that are read at once.
const PAGE: usize = 512;
/// Their bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// Beginning of the keys of signers' rows.
const SIGNERS: &str = "signer/";

/// Whether a genesis lists a key as an observer.
#[must_use]
pub fn is_observer(key: &PublicKey, genesis: &Genesis) -> bool {
    let observes = |s: &genesis::Signer| s.roles.iter().any(|r| matches!(r, genesis::Role::Observer {}));
    genesis.document().signers.iter().any(|s| s.public_key == *key && observes(s))
}

/// Who may link: the validators, and signers in force with the role of an observer.
///
/// # Errors
/// The store could not be read.
pub fn allowed(shared: &Shared) -> Result<BTreeSet<PublicKey>, StorageError> {
    let mut allowed: BTreeSet<PublicKey> = shared.committee().validators.public_keys().collect();
    let now = shared.store.tip().time_ms;
    let mut after = None;
    loop {
        let page = shared.store.rows(SIGNERS, after.as_deref(), PAGE, PAGE_BYTES)?;
        for (key, row) in &page {
            match proto::Signer::decode(row.as_slice()) {
                Ok(signer) if observes(&signer, now) => allowed.extend(PublicKey::from_bytes(&signer.public_key).ok()),
                Ok(_) => {}
                Err(error) => tracing::error!(key, %error, "a row of this node's state is malformed"),
            }
        }
        match page.last() {
            Some((last, _)) => after = Some(last.clone()),
            None => return Ok(allowed),
        }
    }
}

fn observes(signer: &proto::Signer, now: u64) -> bool {
    let begun = now >= signer.valid_from_ms;
    let ended = signer.valid_until_ms != 0 && now > signer.valid_until_ms;
    let revoked = signer.revoked_ms != 0 && now >= signer.revoked_ms;
    begun && !ended && !revoked && signer.roles.iter().any(|r| r.kind() == proto::RoleKind::Observer)
}

/// Keeps the network's allow-list as the state says, and tells the operator when this node's role changes, until `stop`.
pub async fn follow(shared: Arc<Shared>, network: Network, stop: CancellationToken) {
    let mut committees = shared.committee.subscribe();
    let mut refresh = interval(REFRESH);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut list = AllowList::default();
    let mut role = shared.role();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = committees.changed() => {
                if changed.is_err() { return }
            }
            _ = refresh.tick() => {}
        }
        tell(&shared, &mut role);
        let state = shared.clone();
        match tokio::task::spawn_blocking(move || allowed(&state)).await {
            Ok(Ok(allowed)) => {
                if let Some(changed) = list.update(allowed, Instant::now()) {
                    tracing::info!(allowed = changed.len(), "who may link has changed");
                    network.set_allowed(changed);
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "the members cannot be read; links stay as they are"),
            Err(_) => return, // the runtime goes down
        }
    }
}

fn tell(shared: &Shared, before: &mut Role) {
    let (role, epoch) = (shared.role(), shared.committee().epoch);
    match (*before, role) {
        (Role::Observer, Role::Validator(index)) => {
            tracing::info!(%epoch, %index, "this node is a validator now / 本节点已成为验证节点");
        }
        (Role::Validator(_), Role::Observer) => {
            tracing::warn!(%epoch, "this node has left the validators; it follows without voting / 本节点已退出验证节点，改为只跟随不投票");
        }
        _ => {}
    }
    *before = role;
}

/// The list that the network has.
#[derive(Debug, Default)]
struct AllowList {
    given: BTreeSet<PublicKey>,
    members: BTreeSet<PublicKey>,
    /// Who is no member any more, and how long it stays.
    leaving: BTreeMap<PublicKey, Instant>,
}

impl AllowList {
    /// The list to give to the network, where it is another one.
    fn update(&mut self, members: BTreeSet<PublicKey>, now: Instant) -> Option<BTreeSet<PublicKey>> {
        for gone in self.members.difference(&members) {
            self.leaving.insert(*gone, now + FAREWELL);
        }
        self.leaving.retain(|key, until| !members.contains(key) && now < *until);
        let list: BTreeSet<PublicKey> = members.iter().chain(self.leaving.keys()).copied().collect();
        self.members = members;
        (list != self.given).then(|| {
            self.given.clone_from(&list);
            list
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use hnchain_crypto::SecretKey;

    fn keys(list: &[u8]) -> BTreeSet<PublicKey> {
        list.iter().map(|n| SecretKey::from_bytes(&[*n; 32]).unwrap().public_key()).collect()
    }

    #[test]
    fn newcomers_get_in_at_once_and_those_who_leave_have_a_moment() {
        let (mut list, now) = (AllowList::default(), Instant::now());
        assert_eq!(list.update(keys(&[1, 2, 3]), now), Some(keys(&[1, 2, 3])));
        assert_eq!(list.update(keys(&[1, 2, 3]), now), None);
        assert_eq!(list.update(keys(&[2, 3, 4]), now), Some(keys(&[1, 2, 3, 4])));
        assert_eq!(list.update(keys(&[2, 3, 4]), now + FAREWELL / 2), None);
        assert_eq!(list.update(keys(&[2, 3, 4]), now + FAREWELL), Some(keys(&[2, 3, 4])));
        assert_eq!(list.update(keys(&[1, 2, 3, 4]), now + FAREWELL), Some(keys(&[1, 2, 3, 4])), "and comes back");
    }

    #[test]
    fn an_observer_is_one_in_force() {
        let role = |kind: proto::RoleKind| proto::Role { kind: kind.into(), ..proto::Role::default() };
        let signer = |from, until, revoked, kind| proto::Signer {
            roles: vec![role(kind)],
            valid_from_ms: from,
            valid_until_ms: until,
            revoked_ms: revoked,
            ..proto::Signer::default()
        };
        let observer = proto::RoleKind::Observer;
        assert!(observes(&signer(0, 0, 0, observer), 100) && observes(&signer(100, 100, 101, observer), 100));
        assert!(!observes(&signer(101, 0, 0, observer), 100));
        assert!(!observes(&signer(0, 99, 0, observer), 100));
        assert!(!observes(&signer(0, 0, 100, observer), 100));
        assert!(!observes(&signer(0, 0, 0, proto::RoleKind::Auditor), 100));
    }
}
