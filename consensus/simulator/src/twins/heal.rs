//! The end of every scenario: the network heals, and honest validators must agree on something new (I12).

use super::cast::DELTA_MS;
use super::truth::{Violation, broken};
use super::world::{Sent, World};
use hnchain_consensus::{Input, Message, To, Vote};
use hnchain_types::Height;
use std::sync::Arc;

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Post {
    /// The instance that said it; `None` for a puppet.
    pub from: Option<usize>,
    /// Whose key the connection was proven with.
    pub sender: hnchain_types::ValidatorIndex,
    /// The instance that hears it.
    pub to: usize,
    /// What.
    pub message: Arc<Message>,
}

/// Everyone whom a message is meant for. Both twins of a validator hear what is sent to it.
pub fn posts(world: &World, sent: Sent) -> impl Iterator<Item = Post> + '_ {
    let sender = world.instances[sent.from].who;
    let meant = move |i: &usize| match sent.to {
        To::All => *i != sent.from,
        To::One(who) => world.instances[*i].who == who,
    };
    (0..world.instances.len()).filter(meant).map(move |to| Post {
        from: Some(sent.from),
        sender,
        to,
        message: sent.message.clone(),
    })
}

/// Hands a message over.
///
/// # Errors
/// An invariant that the receiver breaks.
pub fn deliver(world: &mut World, post: &Post) -> Result<(), Violation> {
    let message = Message::clone(&post.message);
    world.step(post.to, Input::Message { from: Some(post.sender), message })
}

/// A network without faults, one millisecond from anyone to anyone, until every honest instance has finalized a block
/// above all that was final before. `meddle` hears what is said each millisecond and answers: liars do not heal.
///
/// Gives the milliseconds that it took.
///
/// # Errors
/// I12 after `deltas` times Δ, or any other invariant on the way.
pub fn heal(
    world: &mut World,
    on_the_way: Vec<Post>,
    deltas: u64,
    mut meddle: impl FnMut(&mut World, &[Sent]) -> Result<Vec<Post>, Violation>,
) -> Result<u64, Violation> {
    let begin = world.now;
    let goal = Height(world.heights().1.0 + 1);
    let mut wave = on_the_way;
    loop {
        let said = world.take_sent();
        for sent in said.iter().cloned() {
            wave.extend(posts(world, sent));
        }
        if world.heights().0 >= goal {
            return Ok(world.now - begin);
        }
        if world.now > begin + deltas * DELTA_MS {
            let (least, most) = world.heights();
            let views: Vec<u64> = world.instances.iter().map(|one| one.machine.view().0).collect();
            return broken(
                "I12",
                format!("{deltas} Δ after healing heights are {least} to {most}, {goal} was due, views {views:?}"),
            );
        }
        let alarm = world.next_alarm(|_, _| true).map_or(u64::MAX, |(at, ..)| at);
        world.now = if wave.is_empty() { alarm.max(world.now + 1) } else { world.now + 1 };
        for post in std::mem::take(&mut wave) {
            deliver(world, &post)?;
        }
        while let Some((_, i, slot)) = world.next_alarm(|_, alarm| alarm.at <= world.now) {
            world.ring(i, slot)?;
        }
        wave.extend(meddle(world, &said)?);
        catch_up(world, |_, _| true)?;
    }
}

/// Block sync between instances that reach each other.
///
/// # Errors
/// An invariant that this breaks.
pub fn catch_up(world: &mut World, reach: impl Fn(usize, usize) -> bool) -> Result<(), Violation> {
    for i in 0..world.instances.len() {
        if world.instances[i].behind {
            let near = (0..world.instances.len()).filter(|p| *p != i && reach(i, *p));
            if let Some(best) = near.max_by_key(|p| world.instances[*p].tip.height) {
                world.sync(i, best)?;
            }
        }
    }
    Ok(())
}

/// The vote that a message is or holds.
#[must_use]
pub fn vote_of(message: &Message) -> Option<&Vote> {
    match message {
        Message::Vote(vote) => Some(vote),
        Message::Proposal(proposal) => Some(&proposal.vote),
        _ => None,
    }
}
