//! Keeps one configured peer connected: resolve, dial, and again in growing steps, forever.
//!
//! While a network is cut, the age of the youngest SYN when it heals is what the peers wait for. So dials that reach
//! nobody are repeated within half a second, for ever, and one that is not answered in time is left to itself: the next
//! one starts beside it, and the hello keeps only one of the connections (N2).

use crate::driver::{Command, DialFailure, Ticket};
use crate::handle::{Shared, random};
use crate::hello::Refusal;
use crate::{Limits, PeerAddress};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// A link that lived this long was a good one; losing it starts the pauses anew.
const STEADY: Duration = Duration::from_secs(2);
/// Longest wait for the resolver.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Times from dial to dial that double from the first to a longest, each shortened by a random part of up to a half, so
/// that nodes that start together do not dial in step.
struct Steps {
    first: Duration,
    next: Duration,
}

impl Steps {
    const fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    fn reset(&mut self) {
        self.next = self.first;
    }

    fn take(&mut self, most: Duration, random: u64) -> Duration {
        let whole = self.next.min(most);
        self.next = whole * 2;
        let thousandth = u32::try_from(random % 500).expect("below 500");
        whole - whole * thousandth / 1000
    }
}

/// The longest step after such an outcome.
const fn longest(limits: &Limits, failure: Option<&DialFailure>) -> Duration {
    use Refusal::{Broken, Duplicate, Timeout};
    match failure {
        // Nobody was there, or the cut fell into the hello, or the other side has yet to find out that its link is dead.
        Some(DialFailure::Unreachable(_) | DialFailure::Hello(Broken | Timeout | Duplicate)) => limits.redial_most,
        Some(DialFailure::Hello(_)) | None => limits.redial_refused,
    }
}

/// Never returns; ends when the task is aborted.
pub(crate) async fn keep(shared: Arc<Shared>, peer: PeerAddress) {
    let mut changed = shared.changed.subscribe();
    let mut steps = Steps::new(shared.limits.redial_first);
    let mut reported = None;
    loop {
        let asked = Instant::now();
        if changed.wait_for(|_| shared.registry().wanting(&peer.public_key)).await.is_err() {
            return;
        }
        if asked.elapsed() >= STEADY {
            steps.reset();
            reported = None;
        }
        let dialled = Instant::now();
        let failure = attempt(&shared, &peer).await.err();
        match &failure {
            None | Some(DialFailure::Hello(Refusal::Duplicate)) => {}
            Some(failure) if reported.as_ref() != Some(failure) => {
                tracing::warn!(code = "NET_DIAL_FAILED", peer = %peer.public_key, address = peer.address, %failure, "dial failed; retrying");
            }
            Some(failure) => tracing::debug!(peer = %peer.public_key, address = peer.address, %failure, "dial failed"),
        }
        let step = steps.take(longest(&shared.limits, failure.as_ref()), random());
        reported = failure.or(reported);
        sleep_until(dialled + step).await;
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
        match timeout(shared.limits.dial_patience, outcome).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(failure))) => last = failure,
            Ok(Err(_)) => last = DialFailure::Unreachable("the dial was abandoned".into()),
            // It may still make a link.
            Err(_) => last = DialFailure::Unreachable("no answer yet".into()),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn steps_double_up_to_the_longest_and_start_anew() {
        let mut steps = Steps::new(ms(50));
        let taken: Vec<_> = (0..5).map(|_| steps.take(ms(300), 0)).collect();
        assert_eq!(taken, [ms(50), ms(100), ms(200), ms(300), ms(300)]);
        assert!(steps.take(ms(300), 499) > ms(150) && steps.take(ms(300), 499) < ms(151));
        steps.reset();
        assert_eq!(steps.take(ms(300), 0), ms(50));
    }

    #[test]
    fn the_unreachable_are_dialled_soon_for_ever_and_the_refusing_seldom() {
        let limits = Limits::default();
        let nobody = DialFailure::Unreachable(String::new());
        let mut steps = Steps::new(limits.redial_first);
        let taken = (0..100).map(|_| steps.take(longest(&limits, Some(&nobody)), 0)).max();
        assert_eq!(taken, Some(limits.redial_most));
        assert!(limits.dial_patience <= limits.redial_most && limits.redial_most <= ms(500));
        assert!(limits.connect_timeout < ms(1000), "the kernel repeats a SYN after a second");
        for network in [Refusal::Broken, Refusal::Timeout, Refusal::Duplicate] {
            let failure = DialFailure::Hello(network);
            assert_eq!(longest(&limits, Some(&failure)), limits.redial_most);
        }
        // A peer that refuses, and one whose links break at once, are asked ever more seldom.
        for failure in [Some(&DialFailure::Hello(Refusal::ByPeer)), None] {
            let mut steps = Steps::new(limits.redial_first);
            let total: Duration = (0..10).map(|_| steps.take(longest(&limits, failure), 0)).sum();
            assert!(total > ms(10_000), "{total:?}");
        }
    }
}
