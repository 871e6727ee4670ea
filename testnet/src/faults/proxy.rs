//! TCP relays in user space, one for each ordered pair of nodes that may dial. What is sent through a bad link comes late,
//! never torn: TCP hides loss from its users in the same way.

use super::Condition;
use crate::Dice;
use crate::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is read at once, and what one loss holds up: about ten packets.
const CHUNK: usize = 16 * 1024;
/// Chunks on their way; more have to wait at the sender, as behind a full send window.
const WINDOW: usize = 64;
/// A lost packet is sent again after this time: the least that Linux' TCP waits.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Relays between all pairs of nodes. Dropping it ends every connection.
#[derive(Debug)]
pub struct Mesh {
    /// By sender, then receiver.
    conditions: Vec<Vec<watch::Sender<Condition>>>,
    /// By dialling node, then dialled node.
    addresses: Vec<Vec<SocketAddr>>,
    _relays: JoinSet<()>,
}

impl Mesh {
    /// Listens for each ordered pair on a free port; what connects there is relayed to the second node's target.
    ///
    /// # Errors
    /// No free ports.
    pub async fn start(targets: &[SocketAddr], seed: u64) -> Result<Self, Error> {
        let n = targets.len();
        let good = || (0..n).map(|_| watch::channel(Condition::default()).0).collect();
        let conditions: Vec<Vec<watch::Sender<Condition>>> = (0..n).map(|_| good()).collect();
        let mut relays = JoinSet::new();
        let mut addresses = Vec::new();
        let mut dice = Dice::new(seed);
        let failed = || Error::io(Path::new("127.0.0.1:0"));
        for (from, leaving) in conditions.iter().enumerate() {
            let mut row = Vec::new();
            for (to, target) in targets.iter().enumerate() {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed())?;
                row.push(listener.local_addr().map_err(failed())?);
                let link = Link {
                    there: leaving[to].subscribe(),
                    back: conditions[to][from].subscribe(),
                    target: *target,
                    seed: dice.next(),
                };
                relays.spawn(listen(listener, link));
            }
            addresses.push(row);
        }
        Ok(Self { conditions, addresses, _relays: relays })
    }

    /// Where node `from` dials each node.
    ///
    /// # Panics
    /// There is no such node.
    #[must_use]
    pub fn addresses(&self, from: usize) -> &[SocketAddr] {
        &self.addresses[from]
    }

    /// Sets the condition of what `from` sends `to`, on connections that are there and on new ones.
    ///
    /// # Panics
    /// There is no such node.
    pub fn set(&mut self, from: usize, to: usize, condition: Condition) {
        self.conditions[from][to].send_replace(condition);
    }

    /// Makes every link good.
    pub fn heal(&mut self) {
        for condition in self.conditions.iter().flatten() {
            condition.send_replace(Condition::default());
        }
    }
}

#[derive(Clone)]
struct Link {
    there: watch::Receiver<Condition>,
    back: watch::Receiver<Condition>,
    target: SocketAddr,
    seed: u64,
}

async fn listen(listener: TcpListener, link: Link) {
    let mut relays = JoinSet::new();
    for number in 0u64.. {
        while relays.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        relays.spawn(relay(stream, link.clone(), Dice::new(link.seed ^ number)));
    }
}

/// One connection. Nothing is answered before both directions work, as for the first packet of a connection.
async fn relay(dialler: TcpStream, mut link: Link, mut dice: Dice) {
    let (Some(there), Some(back)) = (open(&mut link.there).await, open(&mut link.back).await) else { return };
    tokio::time::sleep(there.delay + back.delay).await;
    // Nobody listens: the dialler sees the end of its connection.
    let Ok(dialled) = TcpStream::connect(link.target).await else { return };
    // Small messages must not wait for each other on top of the chosen delay; a socket that refuses is on its way out.
    let _set = (dialler.set_nodelay(true), dialled.set_nodelay(true));
    let (from_dialler, to_dialler) = dialler.into_split();
    let (from_dialled, to_dialled) = dialled.into_split();
    let second = Dice::new(dice.next());
    tokio::join!(pump(from_dialler, to_dialled, link.there, dice), pump(from_dialled, to_dialler, link.back, second));
}

/// Waits until the link is not cut; `None` when the mesh is gone.
async fn open(condition: &mut watch::Receiver<Condition>) -> Option<Condition> {
    condition.wait_for(|c| !c.cut).await.ok().map(|c| *c)
}

/// One direction of one connection. Ends when either side does, after delivering what is on its way.
async fn pump(from: OwnedReadHalf, to: OwnedWriteHalf, condition: watch::Receiver<Condition>, dice: Dice) {
    let (sender, receiver) = mpsc::channel(WINDOW);
    tokio::join!(take(from, sender, condition.clone(), dice), give(to, receiver, condition));
}

async fn take(
    mut from: OwnedReadHalf,
    sender: mpsc::Sender<(Instant, Vec<u8>)>,
    mut condition: watch::Receiver<Condition>,
    mut dice: Dice,
) {
    let mut due = Instant::now();
    let mut buffer = vec![0u8; CHUNK];
    while let Some(state) = open(&mut condition).await {
        // The end of a stream and its breaking are the same to the other side.
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        let lost = dice.below(100) < u64::from(state.loss_percent);
        let again = if lost { RETRANSMISSION } else { Duration::ZERO };
        // In order: what comes after a lost packet waits for it.
        due = due.max(Instant::now() + state.delay + again) + transmission(length, state.bytes_per_second);
        if sender.send((due, buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn give(
    mut to: OwnedWriteHalf,
    mut receiver: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut condition: watch::Receiver<Condition>,
) {
    while let Some((due, bytes)) = receiver.recv().await {
        tokio::time::sleep_until(due).await;
        if open(&mut condition).await.is_none() || to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The reader is told by the end of its stream, or knows already.
    let _told = to.shutdown().await;
}

fn transmission(bytes: usize, per_second: u32) -> Duration {
    match per_second {
        0 => Duration::ZERO,
        rate => Duration::from_micros(bytes as u64 * 1_000_000 / u64::from(rate)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);

    /// A mesh of two whose second node echoes.
    async fn echo() -> (Mesh, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let target = listener.local_addr().expect("bound");
        let mesh = Mesh::start(&[target, target], 7).await.expect("free ports");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    tokio::io::copy(&mut reader, &mut writer).await
                });
            }
        });
        let address = mesh.addresses(0)[1];
        (mesh, address)
    }

    async fn ask(stream: &mut TcpStream, byte: u8) -> u8 {
        stream.write_all(&[byte]).await.expect("open");
        let mut answer = [0];
        stream.read_exact(&mut answer).await.expect("open");
        answer[0]
    }

    #[tokio::test]
    async fn a_good_link_relays_both_ways_and_ends_with_its_ends() {
        let (_mesh, address) = echo().await;
        let mut stream = TcpStream::connect(address).await.expect("listening");
        assert_eq!(timeout(SOON, ask(&mut stream, 1)).await, Ok(1));
        stream.shutdown().await.expect("open");
        assert_eq!(timeout(SOON, stream.read(&mut [0])).await.expect("in time").expect("clean"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_in_either_direction_holds_everything_until_it_heals() {
        for (from, to) in [(0, 1), (1, 0)] {
            let (mut mesh, address) = echo().await;
            let mut stream = TcpStream::connect(address).await.expect("listening");
            assert_eq!(ask(&mut stream, 1).await, 1);
            mesh.set(from, to, Condition { cut: true, ..Condition::default() });
            let mut waiting = tokio::spawn(async move { ask(&mut stream, 2).await });
            assert!(timeout(SOON, &mut waiting).await.is_err(), "{from} to {to} is cut");
            mesh.heal();
            assert_eq!(waiting.await.expect("no panic"), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn delay_loss_and_width_add_up_in_order() {
        let (mut mesh, address) = echo().await;
        let mut stream = TcpStream::connect(address).await.expect("listening");
        assert_eq!(ask(&mut stream, 1).await, 1);
        let slow = Condition { delay: Duration::from_secs(3), loss_percent: 100, bytes_per_second: 1, cut: false };
        mesh.set(0, 1, slow);
        // The byte that the relay waits for is taken with the condition from before.
        assert_eq!(ask(&mut stream, 2).await, 2);
        let asked = Instant::now();
        assert_eq!(ask(&mut stream, 3).await, 3);
        let least = slow.delay + RETRANSMISSION + Duration::from_secs(1);
        assert!(asked.elapsed() >= least, "{:?}", asked.elapsed());
    }
}
