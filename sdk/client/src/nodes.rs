//! The list of nodes: which one is asked, and what happens when it does not answer.

use crate::error::{Attempt, Error, Refusal};
use crate::options::Options;
use hnchain_types::{limits, proto::node_client::NodeClient, text::hidden};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Largest answer of a node: a stored block, with transactions and receipts up to the block limit each, and its skips.
const RESPONSE_BYTES: usize = 2 * limits::BLOCK_BYTES + 8 * 1024 * 1024;
/// Pings find out that a node's machine is gone while a subscription waits.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A ping that is not answered this fast ends the connection.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Header with a node's stable code.
const CODE_HEADER: &str = "hnchain-code";
/// Header with a node's Chinese message, UTF-8.
const ZH_HEADER: &str = "hnchain-message-zh-bin";
/// Longest text of a node that is repeated in an error.
const MESSAGE_CHARS: usize = 500;

pub(crate) struct Nodes {
    nodes: Vec<Node>,
    /// The node that answered last.
    preferred: AtomicUsize,
    pub(crate) options: Options,
}

struct Node {
    name: String,
    endpoint: Endpoint,
    /// Made at first use, inside the runtime.
    channel: OnceLock<Channel>,
}

/// One node, ready to be asked.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) client: NodeClient<Channel>,
}

/// Why one node's answer was not the answer.
pub(crate) enum Failure {
    /// Another node, or this one later, may do better.
    Transient(Error),
    /// This node does not have it; one of the others may. Not worth waiting for.
    Elsewhere(Error),
    /// Every node would say so.
    Final(Error),
}

impl Nodes {
    pub(crate) fn new(endpoints: Vec<String>, options: Options) -> Result<Self, Error> {
        if endpoints.is_empty() {
            return Err(Error::Endpoint("at least one node is needed, for example http://127.0.0.1:9101".to_owned()));
        }
        let nodes = endpoints.into_iter().map(|e| Node::new(e.trim(), &options)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, preferred: AtomicUsize::new(0), options })
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|n| n.name.as_str())
    }

    pub(crate) fn peer(&self, index: usize) -> Peer {
        let index = index % self.nodes.len();
        let node = &self.nodes[index];
        let channel = node.channel.get_or_init(|| node.endpoint.connect_lazy()).clone();
        let client = NodeClient::new(channel).max_decoding_message_size(RESPONSE_BYTES);
        Peer { index, name: Arc::from(node.name.as_str()), client }
    }

    pub(crate) fn preferred(&self) -> usize {
        self.preferred.load(Ordering::Relaxed)
    }

    /// This one answered: ask it first from now on.
    fn prefer(&self, index: usize) {
        self.preferred.store(index, Ordering::Relaxed);
    }

    /// This one is in trouble: ask the next one first, unless somebody moved on already.
    pub(crate) fn avoid(&self, index: usize) {
        let next = (index + 1) % self.nodes.len();
        let _moved_already = self.preferred.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Asks node after node, round after round, until one answers, one refuses for good, or the time is up.
    pub(crate) async fn call<T, F, A>(&self, what: &'static str, deadline: Instant, ask: F) -> Result<T, Error>
    where
        F: Fn(Peer) -> A,
        A: Future<Output = Result<T, Failure>>,
    {
        let mut log = Log::default();
        for round in 0..self.options.rounds.max(1) {
            let mut elsewhere = None;
            let first = self.preferred();
            for step in 0..self.nodes.len() {
                let peer = self.peer(first + step);
                let (index, name) = (peer.index, Arc::clone(&peer.name));
                let Some(left) = left(deadline) else { return Err(log.into_error(what, true)) };
                match timeout(left.min(self.options.attempt), ask(peer)).await {
                    Ok(Ok(answer)) => {
                        self.prefer(index);
                        return Ok(answer);
                    }
                    Ok(Err(Failure::Final(e))) => return Err(log.refused(e)),
                    Ok(Err(Failure::Elsewhere(e))) => elsewhere = Some(e),
                    Ok(Err(Failure::Transient(e))) => log.trouble(&name, e),
                    Err(_) => log.timed_out(&name),
                }
            }
            if let Some(e) = elsewhere {
                return Err(log.refused(e));
            }
            let pause = self.options.pause(round);
            match left(deadline) {
                _ if round + 1 >= self.options.rounds => {}
                Some(left) if left > pause => sleep(pause).await,
                _ => return Err(log.into_error(what, true)),
            }
        }
        Err(log.into_error(what, false))
    }

    /// Asks one node once.
    pub(crate) async fn once<T, A>(&self, what: &'static str, limit: Duration, ask: A, name: &str) -> Result<T, Failure>
    where
        A: Future<Output = Result<T, Failure>>,
    {
        timeout(limit, ask).await.unwrap_or_else(|_| {
            let mut log = Log::default();
            log.timed_out(name);
            Err(Failure::Transient(log.into_error(what, true)))
        })
    }
}

impl Node {
    fn new(text: &str, options: &Options) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Endpoint(format!("{text}: {why}; write http://host:port"));
        let name = text.trim_end_matches('/').to_owned();
        let endpoint = Endpoint::from_shared(name.clone()).map_err(|e| wrong(&e.to_string()))?;
        match endpoint.uri().scheme_str() {
            Some("http") if endpoint.uri().host().is_some() => {}
            Some("https") => return Err(wrong("this version speaks plain http/2 only")),
            _ => return Err(wrong("not an http address")),
        }
        let endpoint = endpoint
            .connect_timeout(options.connect)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        Ok(Self { name, endpoint, channel: OnceLock::new() })
    }
}

impl Peer {
    /// An answer that is malformed or does not belong to the question. Another node may be honest.
    pub(crate) fn bad(&self, what: &'static str, why: &(impl ToString + ?Sized)) -> Failure {
        Failure::Transient(Error::BadResponse { endpoint: self.name.to_string(), what, why: why.to_string() })
    }

    /// Sorts a gRPC status.
    pub(crate) fn failed(&self, what: &'static str, status: &Status) -> Failure {
        let known = status.metadata().contains_key(CODE_HEADER);
        match status.code() {
            Code::ResourceExhausted | Code::Aborted => Failure::Transient(self.refusal(status, true)),
            // The local codec reports bytes that are no message this way; a broken connection names its cause.
            Code::Internal if !known && std::error::Error::source(status).is_none() => {
                self.bad(what, &plain(status.message()))
            }
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal => {
                if known {
                    return Failure::Transient(self.refusal(status, true));
                }
                let (why, sent) = cause(status);
                let attempt = Attempt { endpoint: self.name.to_string(), why, sent };
                Failure::Transient(Error::Unreachable { what, tried: vec![attempt] })
            }
            Code::OutOfRange | Code::DataLoss if !known => self.bad(what, &plain(status.message())),
            Code::NotFound | Code::OutOfRange | Code::FailedPrecondition | Code::Unimplemented | Code::DataLoss => {
                Failure::Elsewhere(self.refusal(status, false))
            }
            _ => Failure::Final(self.refusal(status, false)),
        }
    }

    fn refusal(&self, status: &Status, retryable: bool) -> Error {
        let metadata = status.metadata();
        let code = metadata.get(CODE_HEADER).and_then(|v| v.to_str().ok());
        let code = code.map_or_else(|| rpc_code(status.code()).to_owned(), plain);
        let message = plain(status.message());
        let message_zh = metadata.get_bin(ZH_HEADER).and_then(|v| v.to_bytes().ok());
        Error::Refused(Box::new(Refusal {
            endpoint: self.name.to_string(),
            // Nodes repeat the code in the text for people who have nothing else.
            message: message.strip_prefix(&format!("{code}: ")).unwrap_or(&message).to_owned(),
            message_zh: message_zh.and_then(|b| std::str::from_utf8(&b).ok().map(plain)),
            code,
            retryable,
            uncertain: false,
        }))
    }
}

/// Time left until a deadline, if any.
pub(crate) fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// What became of each node, and the most telling error.
#[derive(Default)]
struct Log {
    tried: BTreeMap<String, (String, bool)>,
    telling: Option<Error>,
    timed_out: bool,
}

impl Log {
    fn trouble(&mut self, name: &str, error: Error) {
        let what_happened = match &error {
            Error::Unreachable { tried, .. } => tried.first().map(|a| (a.why.clone(), a.sent)).unwrap_or_default(),
            other => (other.to_string(), false),
        };
        self.note(name, what_happened);
        if !matches!(error, Error::Unreachable { .. }) {
            self.telling = Some(error);
        }
    }

    fn timed_out(&mut self, name: &str) {
        self.timed_out = true;
        self.note(name, ("no answer in time".to_owned(), true));
    }

    /// The last words of each node; once sent, a request stays sent.
    fn note(&mut self, name: &str, (why, sent): (String, bool)) {
        let before = self.tried.get(name).is_some_and(|(_, sent)| *sent);
        self.tried.insert(name.to_owned(), (why, sent || before));
    }

    /// A refusal, with the doubt whether a node that did not answer took the request.
    fn refused(&self, mut error: Error) -> Error {
        if let Error::Refused(refusal) = &mut error {
            refusal.uncertain = self.tried.values().any(|(_, sent)| *sent);
        }
        error
    }

    /// A false or busy answer tells more than silence.
    fn into_error(mut self, what: &'static str, out_of_time: bool) -> Error {
        if let Some(e) = self.telling.take() {
            return self.refused(e);
        }
        let attempt = |(endpoint, (why, sent))| Attempt { endpoint, why, sent };
        let tried = self.tried.into_iter().map(attempt).collect();
        if self.timed_out || out_of_time { Error::Deadline { what, tried } } else { Error::Unreachable { what, tried } }
    }
}

/// Text of a node without control and invisible characters, bounded.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !hidden(*c)).take(MESSAGE_CHARS).collect()
}

/// The innermost cause ("connection refused" instead of "transport error"), and whether the request may have been sent.
fn cause(status: &Status) -> (String, bool) {
    let mut source = std::error::Error::source(status);
    let (mut text, mut sent) = (plain(status.message()), true);
    while let Some(e) = source {
        text = plain(&e.to_string());
        if let Some(io) = e.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as K;
            let never = [K::ConnectionRefused, K::HostUnreachable, K::NetworkUnreachable, K::AddrNotAvailable];
            sent &= !never.contains(&io.kind());
        }
        source = e.source();
    }
    if text.is_empty() {
        text = rpc_code(status.code()).to_owned();
    }
    (text, sent)
}

const fn rpc_code(code: Code) -> &'static str {
    match code {
        Code::Ok => "RPC_OK",
        Code::Cancelled => "RPC_CANCELLED",
        Code::Unknown => "RPC_UNKNOWN",
        Code::InvalidArgument => "RPC_INVALID_ARGUMENT",
        Code::DeadlineExceeded => "RPC_DEADLINE_EXCEEDED",
        Code::NotFound => "RPC_NOT_FOUND",
        Code::AlreadyExists => "RPC_ALREADY_EXISTS",
        Code::PermissionDenied => "RPC_PERMISSION_DENIED",
        Code::ResourceExhausted => "RPC_RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "RPC_FAILED_PRECONDITION",
        Code::Aborted => "RPC_ABORTED",
        Code::OutOfRange => "RPC_OUT_OF_RANGE",
        Code::Unimplemented => "RPC_UNIMPLEMENTED",
        Code::Internal => "RPC_INTERNAL",
        Code::Unavailable => "RPC_UNAVAILABLE",
        Code::DataLoss => "RPC_DATA_LOSS",
        Code::Unauthenticated => "RPC_UNAUTHENTICATED",
    }
}
