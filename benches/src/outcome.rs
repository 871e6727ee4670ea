//! What became of each transaction of a run.

use crate::latency::{Recorder, Summary};
use crate::plan::Schedule;
use hnchain_types::TxId;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// One transaction.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// How the node answered the submission; `None` while it has not.
    answer: Option<Answer>,
    /// Time from the start at which its own node streamed it in a block.
    seen: Option<Duration>,
    /// Blocks of its own node that hold it: more than one is a fault of the chain.
    times: u32,
    /// Another node streamed it.
    seen_elsewhere: bool,
    /// The code of the rule that rejected it in its block.
    rejection: Option<String>,
}

/// Answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Checked and queued.
    Queued,
    /// Refused with a code.
    Refused(String),
    /// No answer: the connection failed. It may be queued all the same.
    Unanswered(String),
}

/// All transactions of a run.
#[derive(Debug)]
pub struct Outcomes {
    slots: Vec<Slot>,
    nodes: usize,
    index: HashMap<TxId, u32>,
    settled: usize,
}

/// Sums of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Answered with "queued".
    pub submitted: u64,
    /// In a block and applied.
    pub finalized: u64,
    /// In a block and rejected, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Refused at submission and in no block, by code.
    pub refused: BTreeMap<String, u64>,
    /// No answer and in no block, by reason.
    pub unanswered: BTreeMap<String, u64>,
    /// Queued, and in no block when the run ended.
    pub lost: u64,
    /// In more than one block.
    pub duplicates: u64,
    /// Time from the start to the last finalization.
    pub last: Duration,
    /// From the due time to finality.
    pub latency: Summary,
}

impl Outcomes {
    /// Nothing sent yet. Transaction i goes to node i mod `nodes`.
    pub fn new(ids: impl IntoIterator<Item = TxId>, nodes: usize) -> Self {
        let index: HashMap<_, _> = ids.into_iter().zip(0u32..).collect();
        Self { slots: vec![Slot::default(); index.len()], nodes, index, settled: 0 }
    }

    /// Notes the answer to a submission.
    pub fn answered(&mut self, index: u32, answer: Answer) {
        let slot = &mut self.slots[index as usize];
        let was = settled(slot);
        slot.answer = Some(answer);
        self.settled += usize::from(!was && settled(slot));
    }

    /// Notes that a node streamed a block which holds a transaction. Others' transactions are ignored.
    pub fn streamed(&mut self, node: usize, id: &TxId, at: Duration, rejection: Option<&str>) {
        let Some(index) = self.index.get(id) else { return };
        let own = *index as usize % self.nodes == node;
        let slot = &mut self.slots[*index as usize];
        let was = settled(slot);
        slot.rejection = slot.rejection.take().or_else(|| rejection.map(str::to_owned));
        if own {
            slot.seen = slot.seen.or(Some(at));
            slot.times += 1;
        } else {
            slot.seen_elsewhere = true;
        }
        self.settled += usize::from(!was && settled(slot));
    }

    /// Transactions whose fate is not known yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.slots.len() - self.settled
    }

    /// Transactions of which the own node streamed a block.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.slots.iter().filter(|s| s.seen.is_some()).count()
    }

    /// Sums up.
    #[must_use]
    pub fn totals(&self, schedule: &Schedule) -> Totals {
        let mut totals = Totals::default();
        let mut latency = Recorder::default();
        for (slot, index) in self.slots.iter().zip(0u32..) {
            totals.submitted += u64::from(slot.answer == Some(Answer::Queued));
            totals.duplicates += u64::from(slot.times > 1);
            let count = |map: &mut BTreeMap<String, u64>, code: &str| *map.entry(code.to_owned()).or_default() += 1;
            if slot.seen.is_some() || slot.seen_elsewhere {
                match &slot.rejection {
                    Some(code) => count(&mut totals.rejected, code),
                    None => totals.finalized += 1,
                }
                if let Some(at) = slot.seen {
                    totals.last = totals.last.max(at);
                    latency.record(at.saturating_sub(schedule.due(index)));
                }
                continue;
            }
            match &slot.answer {
                Some(Answer::Queued) => totals.lost += 1,
                Some(Answer::Refused(code)) => count(&mut totals.refused, code),
                Some(Answer::Unanswered(why)) => count(&mut totals.unanswered, why),
                None => count(&mut totals.unanswered, "the run ended before an answer came"),
            }
        }
        totals.latency = latency.summary();
        totals
    }
}

/// Seen in a block, or refused.
const fn settled(slot: &Slot) -> bool {
    slot.seen.is_some() || matches!(slot.answer, Some(Answer::Refused(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_crypto::sm3;

    fn id(i: u8) -> TxId {
        TxId(sm3(&[i]))
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn every_transaction_ends_in_exactly_one_count() {
        let schedule = Schedule::new(10, Duration::from_secs(1)).expect("valid");
        let mut outcomes = Outcomes::new((0..10).map(id), 2);
        for i in 0..6 {
            outcomes.answered(i, Answer::Queued);
        }
        outcomes.answered(6, Answer::Refused("TX_EXPIRED".into()));
        outcomes.answered(7, Answer::Unanswered("reset".into()));
        outcomes.answered(8, Answer::Unanswered("reset".into()));
        outcomes.streamed(0, &id(0), ms(100), None);
        outcomes.streamed(1, &id(1), ms(300), Some("ANCHOR_EXISTS"));
        outcomes.streamed(0, &id(2), ms(400), None);
        outcomes.streamed(1, &id(2), ms(90), None);
        outcomes.streamed(0, &id(3), ms(500), None); // its own node 1 has not streamed it
        outcomes.streamed(0, &id(8), ms(900), None); // queued although the answer was lost
        assert_eq!(outcomes.open(), 5); // 3, 4, 5, 7 and 9
        assert_eq!(outcomes.seen(), 4);
        let totals = outcomes.totals(&schedule);
        assert_eq!((totals.submitted, totals.finalized, totals.lost, totals.duplicates), (6, 4, 2, 0));
        assert_eq!(totals.rejected, BTreeMap::from([("ANCHOR_EXISTS".into(), 1)]));
        assert_eq!(totals.refused, BTreeMap::from([("TX_EXPIRED".into(), 1)]));
        assert_eq!(totals.unanswered.values().sum::<u64>(), 2); // 7, and 9 that was never answered
        let rejected: u64 = totals.rejected.values().sum();
        let refused: u64 = totals.refused.values().sum();
        assert_eq!(totals.finalized + totals.lost + rejected + refused + 2, 10);
        assert_eq!(totals.last, ms(900));
    }

    #[test]
    fn latency_counts_from_the_due_time_on_the_own_node() {
        let schedule = Schedule::new(10, Duration::from_secs(1)).expect("valid");
        let mut outcomes = Outcomes::new((0..10).map(id), 1);
        outcomes.streamed(0, &id(5), ms(700), None); // due at 500 ms, however late it was sent
        let summary = outcomes.totals(&schedule).latency;
        assert_eq!(summary.count, 1);
        assert!((summary.max_ms - 200.0).abs() < 0.5, "{summary:?}");
    }

    #[test]
    fn a_transaction_in_two_blocks_is_reported() {
        let schedule = Schedule::new(1, Duration::from_secs(1)).expect("valid");
        let mut outcomes = Outcomes::new([id(0)], 1);
        outcomes.streamed(0, &id(0), ms(1), None);
        outcomes.streamed(0, &id(0), ms(2), None);
        outcomes.streamed(0, &id(99), ms(3), None);
        assert_eq!(outcomes.totals(&schedule).duplicates, 1);
        assert_eq!(outcomes.open(), 0);
    }
}
