//! Keeps one configured peer connected: resolve, dial, and again with growing pauses, forever.

use crate::PeerAddress;
use crate::driver::{Command, DialFailure, Ticket};
use crate::handle::{Shared, random};
use crate::hello::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// A link that lived this long was a good one; losing it starts the pauses anew.
const STEADY: Duration = Duration::from_secs(2);
/// Longest wait for the resolver.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Pauses that double from the first to the longest, each shortened by a random part of up to a half, so that nodes that
/// start together do not dial in step.
struct Pauses {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Pauses {
    fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    fn reset(&mut self) {
        self.next = self.first;
    }

    fn take(&mut self, random: u64) -> Duration {
        let whole = self.next.min(self.most);
        self.next = whole * 2;
        let thousandth = u32::try_from(random % 500).expect("below 500");
        whole - whole * thousandth / 1000
    }
}

/// Never returns; ends when the task is aborted.
pub(crate) async fn keep(shared: Arc<Shared>, peer: PeerAddress) {
    let mut changed = shared.changed.subscribe();
    let mut pauses = Pauses::new(shared.limits.redial_first, shared.limits.redial_most);
    let mut reported = None;
    loop {
        let asked = Instant::now();
        let wanted = |_: &u64| {
            let registry = shared.registry();
            registry.live(&peer.public_key).is_none() && registry.allowed().contains(&peer.public_key)
        };
        if changed.wait_for(wanted).await.is_err() {
            return;
        }
        if asked.elapsed() >= STEADY {
            pauses.reset();
            reported = None;
        }
        let failure = attempt(&shared, &peer).await.err();
        match &failure {
            None | Some(DialFailure::Hello(Refusal::Duplicate)) => {}
            Some(failure) if reported.as_ref() != Some(failure) => {
                tracing::warn!(code = "NET_DIAL_FAILED", peer = %peer.public_key, address = peer.address, %failure, "dial failed; retrying");
            }
            Some(failure) => tracing::debug!(peer = %peer.public_key, address = peer.address, %failure, "dial failed"),
        }
        reported = failure.or(reported);
        sleep(pauses.take(random())).await;
    }
}

/// Tries the peer's addresses in the resolver's order.
async fn attempt(shared: &Shared, peer: &PeerAddress) -> Result<(), DialFailure> {
    let addresses = match timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host(&peer.address)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(DialFailure::Unreachable(format!("cannot resolve the name: {error}"))),
        Err(_) => return Err(DialFailure::Unreachable("the resolver did not answer".into())),
    };
    let mut last = DialFailure::Unreachable("the name has no address".into());
    for address in addresses {
        let (done, outcome) = oneshot::channel();
        shared.command(Command::Dial { address, ticket: Ticket { key: peer.public_key, done } });
        match outcome.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => last = failure,
            Err(_) => last = DialFailure::Unreachable("the dial was abandoned".into()),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew() {
        let ms = Duration::from_millis;
        let mut pauses = Pauses::new(ms(50), ms(300));
        let taken: Vec<_> = (0..5).map(|_| pauses.take(0)).collect();
        assert_eq!(taken, [ms(50), ms(100), ms(200), ms(300), ms(300)]);
        assert!(pauses.take(499) > ms(150) && pauses.take(499) < ms(151));
        pauses.reset();
        assert_eq!(pauses.take(0), ms(50));
    }
}
