//! A connection's life: the hello, then the link with its channels, requests and heartbeats, until anything ends it.

use crate::driver::{Command, DialFailure, Ticket};
use crate::frame::{self, FrameError};
use crate::handle::Shared;
use crate::hello::{self, Expect, Hello, HelloError, Refusal, Standing, Verdict};
use crate::link::{Link, Purpose};
use crate::pulse::Quiet;
use crate::registry::{Candidate, Ended, Session};
use crate::{Channel, request};
use futures::io::{BufReader, BufWriter};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use hnchain_crypto::PublicKey;
use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Buffer of each channel stream: coalesces votes, and a proposal passes through without a copy.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long a refused peer gets to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// Closes the connection however its task ends.
struct CloseOnDrop<'a>(ConnectionId, &'a Shared);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.1.command(Command::Close(self.0));
    }
}

/// A link that is in the registry, and leaves it however its task ends.
struct Installed<'a>(Arc<Session>, &'a Shared);

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        self.0.end(Ended::Closed);
        self.1.update(|registry| registry.release(&self.0));
    }
}

/// Owns a connection from birth to death.
pub(crate) async fn run(shared: Arc<Shared>, mut link: Link, ticket: Option<Ticket>) {
    let _close = CloseOnDrop(link.id, &shared);
    let dialled = ticket.as_ref().map(|t| t.key);
    let met = timeout(shared.limits.handshake_timeout, meet(&shared, &mut link, dialled)).await;
    let met = met.unwrap_or(Err(HelloError::Refused(Refusal::Timeout)));
    let (installed, control) = match met {
        Ok(met) => met,
        Err(error) => {
            report_refusal(&shared, &link, &error);
            if let Some(ticket) = ticket {
                ticket.fail(DialFailure::Hello(error.refusal()));
            }
            return;
        }
    };
    let session = installed.0.clone();
    shared.command(Command::Authenticated(link.id));
    shared.counts.links.one();
    tracing::info!(peer = %session.key, address = ?session.address, dialled = link.dialled, "link up");
    if let Some(ticket) = ticket {
        ticket.succeed();
    }
    let why = serve(&shared, &session, link.inbound, control).await;
    match why {
        Ended::Violation => shared.counts.violations.one(),
        Ended::Silent => shared.counts.silent.one(),
        Ended::Broken | Ended::Replaced | Ended::NotAllowed | Ended::Closed => {}
    }
    tracing::info!(peer = %session.key, code = why.code(), "link down");
}

fn report_refusal(shared: &Shared, link: &Link, error: &HelloError) {
    let refusal = error.refusal();
    shared.counts.hello(refusal).one();
    // Strangers must not be able to fill the disk with warnings.
    if refusal != Refusal::Duplicate && shared.may_warn() {
        tracing::warn!(code = refusal.code(), zh = refusal.zh(), address = ?link.address, %error, "hello failed");
    } else {
        tracing::debug!(code = refusal.code(), address = ?link.address, %error, "hello failed");
    }
}

/// The hello on one connection, up to the registered link.
async fn meet<'a>(
    shared: &'a Shared,
    link: &mut Link,
    dialled: Option<PublicKey>,
) -> Result<(Installed<'a>, Stream), HelloError> {
    let mut stream = if link.dialled {
        link.opener.open(Purpose::Hello).await?
    } else {
        match link.inbound.recv().await {
            Some((Purpose::Hello, stream)) => stream,
            Some(_) => return Err(HelloError::Refused(Refusal::Malformed)),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    };
    let outcome = agree(shared, link, dialled, &mut stream).await;
    if let Err(HelloError::Refused(_)) = &outcome {
        // Closing at once could overtake the verdict.
        drop(timeout(FAREWELL, stream.read_to_end(&mut Vec::new())).await);
    }
    Ok((outcome?, stream))
}

async fn agree<'a>(
    shared: &'a Shared,
    link: &Link,
    dialled: Option<PublicKey>,
    stream: &mut Stream,
) -> Result<Installed<'a>, HelloError> {
    let mine = Hello::sign(shared.genesis, &shared.key, shared.instance, &shared.own_peer, &link.peer);
    let allowed = shared.registry().allowed().clone();
    let expect = Expect {
        genesis: shared.genesis,
        own_key: shared.key.public_key(),
        own_peer: shared.own_peer,
        remote_peer: link.peer,
        dialled,
        allowed: &allowed,
    };
    let theirs = hello::introduce(stream, &mine, &expect).await?;
    let candidate =
        Candidate { key: theirs.key, instance: theirs.instance, address: link.address, opener: link.opener.clone() };
    if shared.registry().decides(&theirs.key) {
        let standing = hello::standing(stream).await?;
        decide(shared, candidate, standing, stream).await
    } else {
        let standing = shared.registry().standing(&theirs.key);
        hello::send(stream, &Verdict::Ready(standing)).await?;
        hello::decision(stream).await?;
        let session = shared.update(|registry| registry.follow(candidate)).map_err(HelloError::Refused)?;
        Ok(Installed(session, shared))
    }
}

async fn decide<'a>(
    shared: &'a Shared,
    candidate: Candidate,
    standing: Standing,
    stream: &mut Stream,
) -> Result<Installed<'a>, HelloError> {
    match shared.update(|registry| registry.decide(candidate, standing)) {
        Ok(session) => {
            let installed = Installed(session, shared);
            hello::send(stream, &Verdict::Accepted).await?;
            Ok(installed)
        }
        Err(refusal) => {
            hello::send(stream, &Verdict::Refused(refusal as u8)).await?;
            Err(HelloError::Refused(refusal))
        }
    }
}

/// Runs the tasks of a link until the first of them ends it.
async fn serve(
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    inbound: mpsc::Receiver<(Purpose, Stream)>,
    control: Stream,
) -> Ended {
    let mut tasks = JoinSet::new();
    let (reader, writer) = control.split();
    tasks.spawn(hear(reader, session.clone()));
    tasks.spawn(watch(shared.clone(), session.clone()));
    tasks.spawn(beat(writer, shared.limits.heartbeat));
    for channel in Channel::ALL {
        tasks.spawn(write_channel(shared.clone(), session.clone(), channel));
    }
    tasks.spawn(accept(shared.clone(), session.clone(), inbound));
    let mut ended = session.ended.subscribe();
    let why = tokio::select! {
        ended = ended.wait_for(Option::is_some) => ended.ok().and_then(|e| *e).unwrap_or(Ended::Closed),
        first = tasks.join_next() => finished(first),
    };
    session.end(why);
    tasks.shutdown().await;
    why
}

fn finished(task: Option<Result<Ended, tokio::task::JoinError>>) -> Ended {
    match task {
        Some(Ok(why)) => why,
        Some(Err(error)) => {
            tracing::error!(code = "LINK_PANIC", %error, "a task of a link failed");
            Ended::Broken
        }
        None => Ended::Closed,
    }
}

/// A stream of a link; whatever arrives on it is a sign of life.
pub(crate) struct Audible {
    stream: Stream,
    session: Arc<Session>,
}

impl Audible {
    pub(crate) const fn new(stream: Stream, session: Arc<Session>) -> Self {
        Self { stream, session }
    }
}

impl AsyncRead for Audible {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(read, Poll::Ready(Ok(1..))) {
            self.session.pulse.mark();
        }
        read
    }
}

/// Takes the peer's heartbeats.
async fn hear(mut stream: impl AsyncRead + Unpin, session: Arc<Session>) -> Ended {
    let mut beats = [0u8; 64];
    loop {
        match stream.read(&mut beats).await {
            Ok(1..) => session.pulse.mark(),
            Ok(0) | Err(_) => return Ended::Broken,
        }
    }
}

/// Counts the beats in which nothing arrived: has the peer dialled again (N7), and ends when it is dead (N6).
async fn watch(shared: Arc<Shared>, session: Arc<Session>) -> Ended {
    loop {
        // Not an interval: beats missed by a node that was stopped are not made up for.
        sleep(shared.limits.heartbeat).await;
        match session.pulse.count() {
            Quiet::Harmless => {}
            Quiet::Suspect => {
                shared.counts.suspected.one();
                tracing::debug!(peer = %session.key, "the link is quiet");
                shared.update(|_| ()); // wakes the dialler
            }
            Quiet::Dead => return Ended::Silent,
        }
    }
}

async fn beat(mut stream: impl AsyncWrite + Unpin, pause: Duration) -> Ended {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if stream.write_all(&[0]).await.is_err() || stream.flush().await.is_err() {
            return Ended::Broken;
        }
    }
}

fn purpose(channel: Channel) -> Purpose {
    match channel {
        Channel::Consensus => Purpose::Consensus,
        Channel::Transactions => Purpose::Transactions,
    }
}

/// Writes what is queued; flushes when nothing more waits.
async fn write_channel(shared: Arc<Shared>, session: Arc<Session>, channel: Channel) -> Ended {
    let write = async {
        let stream = session.opener.open(purpose(channel)).await?;
        let mut stream = BufWriter::with_capacity(BUFFER_BYTES, stream);
        let counts = shared.counts.channel(channel);
        loop {
            let message = match session.outbox(channel).try_pop() {
                Some(message) => message,
                None => {
                    stream.flush().await?;
                    session.outbox(channel).pop().await
                }
            };
            frame::write(&mut stream, &message).await?;
            counts.messages_out.one();
            counts.bytes_out.add(message.len());
        }
    };
    let result: io::Result<std::convert::Infallible> = write.await;
    match result {
        Ok(never) => match never {},
        Err(error) => {
            tracing::debug!(peer = %session.key, ?channel, %error, "writing ended");
            Ended::Broken
        }
    }
}

/// Takes the peer's streams.
async fn accept(shared: Arc<Shared>, session: Arc<Session>, mut inbound: mpsc::Receiver<(Purpose, Stream)>) -> Ended {
    let from = session.key;
    let mut readers = JoinSet::new();
    let mut requests = JoinSet::new();
    let slots = Arc::new(Semaphore::new(shared.limits.requests_inbound));
    let mut open = [false; 2];
    loop {
        let (purpose, stream) = tokio::select! {
            next = inbound.recv() => match next {
                Some(next) => next,
                None => return Ended::Broken,
            },
            first = readers.join_next(), if !readers.is_empty() => return finished(first),
            _ = requests.join_next(), if !requests.is_empty() => continue,
        };
        let channel = match purpose {
            Purpose::Consensus => Channel::Consensus,
            Purpose::Transactions => Channel::Transactions,
            Purpose::Request => {
                match slots.clone().try_acquire_owned() {
                    Ok(slot) => requests.spawn(request::serve(shared.clone(), from, stream, slot)),
                    Err(_) => requests.spawn(request::refuse(shared.clone(), stream)),
                };
                continue;
            }
            Purpose::Hello => return violation(from, "a second hello"),
        };
        if std::mem::replace(&mut open[channel.index()], true) {
            return violation(from, "a second stream of one channel");
        }
        readers.spawn(read_channel(shared.clone(), channel, Audible::new(stream, session.clone())));
    }
}

fn violation(from: PublicKey, what: &str) -> Ended {
    tracing::warn!(peer = %from, code = Ended::Violation.code(), what, "the peer broke the protocol");
    Ended::Violation
}

/// Reads frames and hands them over. While the node does not take them nothing more is read (N3).
async fn read_channel(shared: Arc<Shared>, channel: Channel, stream: Audible) -> Ended {
    let from = stream.session.key;
    let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
    let counts = shared.counts.channel(channel);
    let events = match channel {
        Channel::Consensus => &shared.consensus,
        Channel::Transactions => &shared.transactions,
    };
    loop {
        let bytes = match frame::read(&mut stream, channel.frame_bytes()).await {
            Ok(bytes) => bytes,
            Err(FrameError::TooLarge(_)) => return violation(from, "a frame above the limit"),
            Err(FrameError::Io(error)) => {
                tracing::debug!(peer = %from, ?channel, %error, "reading ended");
                return Ended::Broken;
            }
        };
        counts.messages_in.one();
        counts.bytes_in.add(bytes.len());
        // A node that dropped its receiver does not want these messages; the link stays.
        drop(events.send((from, bytes)).await);
    }
}
