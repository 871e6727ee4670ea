//! The hello: both sides of a fresh connection prove their chain keys to each other.
//!
//! On the dialer's hello stream each side sends a [`Hello`] and checks the other's, then they exchange [`Verdict`]s. The
//! node with the larger key sends [`Verdict::Ready`] first; the one with the smaller key then decides (N2, see
//! `registry`) and sends [`Verdict::Accepted`] or the reason of its refusal.

use crate::frame::{self, FrameError};
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use hnchain_crypto::{Digest, PublicKey, SecretKey, Signature, Tag};
use hnchain_types::{GenesisDigest, wire};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;

/// Version of everything that is spoken on a link.
pub(crate) const VERSION: u16 = 1;
/// Largest hello or verdict.
const MESSAGE_BYTES: usize = 512;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $number:literal $code:literal $zh:literal),* $(,)?) => {
        /// Why a connection did not become a link. The number travels in [`Verdict::Refused`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Refusal {
            $($(#[$doc])* $name = $number,)*
        }

        impl Refusal {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable code, in logs and metrics.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// For operators.
            pub(crate) const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }
        }
    };
}

refusals! {
    /// Another version of the link protocol.
    Version = 0 "HELLO_VERSION" "对方的协议版本不同",
    /// A peer of another chain.
    Genesis = 1 "HELLO_GENESIS" "对方属于另一条链",
    /// A key that is not in the allow-list.
    UnknownKey = 2 "HELLO_UNKNOWN_KEY" "对方的公钥不在准入名单中",
    /// The signature does not bind this key to this channel.
    Signature = 3 "HELLO_SIGNATURE" "对方的签名与此通道不符",
    /// The dialled address belongs to another allowed key.
    UnexpectedKey = 4 "HELLO_UNEXPECTED_KEY" "该地址上是另一个节点",
    /// Our own key.
    OwnKey = 5 "HELLO_OWN_KEY" "对方使用了本节点的密钥",
    /// There already is a living link with this peer. Normal when both dial at once.
    Duplicate = 6 "HELLO_DUPLICATE" "与该节点已有连接",
    /// Not a hello.
    Malformed = 7 "HELLO_MALFORMED" "对方的握手消息格式错误",
    /// Not finished in time.
    Timeout = 8 "HELLO_TIMEOUT" "握手超时",
    /// The connection broke.
    Broken = 9 "HELLO_BROKEN" "握手期间连接中断",
    /// The peer refused us; its reason is in the log.
    ByPeer = 10 "HELLO_REFUSED_BY_PEER" "对方拒绝了本节点",
}

/// How a hello failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    /// We refuse.
    #[error("{}", .0.code())]
    Refused(Refusal),
    /// The peer refuses, with the number of its reason.
    #[error("refused by the peer: {}", peer_reason(*.0))]
    ByPeer(u8),
    /// No verdict.
    #[error("{0}")]
    Frame(#[from] FrameError),
}

impl HelloError {
    /// The reason under which it is counted.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => *refusal,
            // Both sides count a duplicate as one: it is how N2 works, not a failure.
            Self::ByPeer(number) if *number == Refusal::Duplicate as u8 => Refusal::Duplicate,
            Self::ByPeer(_) => Refusal::ByPeer,
            Self::Frame(FrameError::TooLarge(_)) => Refusal::Malformed,
            Self::Frame(FrameError::Io(_)) => Refusal::Broken,
        }
    }
}

impl From<io::Error> for HelloError {
    fn from(error: io::Error) -> Self {
        Self::Frame(error.into())
    }
}

fn peer_reason(number: u8) -> &'static str {
    Refusal::ALL.iter().find(|r| **r as u8 == number).map_or("unknown reason", |r| r.code())
}

/// What each side says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u16,
    pub(crate) genesis: GenesisDigest,
    pub(crate) key: PublicKey,
    /// Random at each start: tells a restarted peer from a second connection of the same one.
    pub(crate) instance: [u8; 16],
    pub(crate) signature: Signature,
}

/// What each side says second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// No link, for this reason.
    Refused(u8),
    /// The larger key's: fine, and this is what it knows of links with the other.
    Ready(Standing),
    /// The smaller key's: this connection is the link now.
    Accepted,
}

/// What the node with the larger key knows of its links with the other, when it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// It holds one now, on which it hears the other.
    pub(crate) live: bool,
    /// How many it has had since it started.
    pub(crate) links: u64,
}

/// Binds a chain key to a channel: the channel proves both PeerIds, the signature names them.
fn binding(genesis: &GenesisDigest, signer: &PeerId, other: &PeerId) -> Digest {
    Tag::Peer.hash(&[genesis.as_ref(), &signer.to_bytes(), &other.to_bytes()])
}

impl Hello {
    pub(crate) fn sign(
        genesis: GenesisDigest,
        key: &SecretKey,
        instance: [u8; 16],
        own: &PeerId,
        remote: &PeerId,
    ) -> Self {
        let signature = key.sign(&binding(&genesis, own, remote));
        Self { version: VERSION, genesis, key: key.public_key(), instance, signature }
    }
}

/// What this side requires of the other.
#[derive(Debug)]
pub(crate) struct Expect<'a> {
    pub(crate) genesis: GenesisDigest,
    pub(crate) own_key: PublicKey,
    pub(crate) own_peer: PeerId,
    pub(crate) remote_peer: PeerId,
    /// The key that was dialled.
    pub(crate) dialled: Option<PublicKey>,
    pub(crate) allowed: &'a BTreeSet<PublicKey>,
}

impl Expect<'_> {
    /// Cheap checks first: strangers cost no curve arithmetic.
    pub(crate) fn check(&self, hello: &Hello) -> Result<(), Refusal> {
        if hello.version != VERSION {
            return Err(Refusal::Version);
        }
        if hello.genesis != self.genesis {
            return Err(Refusal::Genesis);
        }
        if hello.key == self.own_key {
            return Err(Refusal::OwnKey);
        }
        if !self.allowed.contains(&hello.key) {
            return Err(Refusal::UnknownKey);
        }
        if self.dialled.is_some_and(|key| key != hello.key) {
            return Err(Refusal::UnexpectedKey);
        }
        let key = hello.key.to_verifying_key().map_err(|_| Refusal::Signature)?;
        let bound = binding(&self.genesis, &self.remote_peer, &self.own_peer);
        key.verify(&bound, &hello.signature).map_err(|_| Refusal::Signature)
    }
}

/// Sends one message.
pub(crate) async fn send<T: Serialize, S: AsyncWrite + Unpin>(stream: &mut S, message: &T) -> Result<(), HelloError> {
    let bytes = wire::encode("hello", message).map_err(|_| HelloError::Refused(Refusal::Malformed))?;
    frame::write(stream, &bytes).await?;
    Ok(stream.flush().await?)
}

/// Reads one message.
pub(crate) async fn receive<T: for<'de> Deserialize<'de>, S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<T, HelloError> {
    let bytes = frame::read(stream, MESSAGE_BYTES).await?;
    wire::decode("hello", &bytes).map_err(|_| HelloError::Refused(Refusal::Malformed))
}

/// Exchanges hellos and checks the peer's. A refusal is told to the peer.
pub(crate) async fn introduce<S>(stream: &mut S, mine: &Hello, expect: &Expect<'_>) -> Result<Hello, HelloError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    send(stream, mine).await?;
    let theirs: Result<Hello, HelloError> = receive(stream).await;
    let checked = theirs.and_then(|hello| match expect.check(&hello) {
        Ok(()) => Ok(hello),
        Err(refusal) => Err(HelloError::Refused(refusal)),
    });
    if let Err(HelloError::Refused(refusal)) = &checked {
        send(stream, &Verdict::Refused(*refusal as u8)).await?;
    }
    checked
}

/// Reads the larger key's standing.
pub(crate) async fn standing<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Standing, HelloError> {
    match receive(stream).await? {
        Verdict::Ready(standing) => Ok(standing),
        Verdict::Refused(number) => Err(HelloError::ByPeer(number)),
        Verdict::Accepted => Err(HelloError::Refused(Refusal::Malformed)),
    }
}

/// Reads the smaller key's decision.
pub(crate) async fn decision<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), HelloError> {
    match receive(stream).await? {
        Verdict::Accepted => Ok(()),
        Verdict::Refused(number) => Err(HelloError::ByPeer(number)),
        Verdict::Ready(_) => Err(HelloError::Refused(Refusal::Malformed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32]).expect("in range")
    }

    fn peer(seed: u8) -> PeerId {
        crate::transport::identity([seed; 32]).expect("any seed").public().to_peer_id()
    }

    const GENESIS: GenesisDigest = GenesisDigest(Digest([7; 32]));

    struct Meeting {
        hello: Hello,
        allowed: BTreeSet<PublicKey>,
        dialled: Option<PublicKey>,
        remote_peer: PeerId,
    }

    /// Key 1 at channel 1 says hello to key 2 at channel 2.
    fn meeting() -> Meeting {
        Meeting {
            hello: Hello::sign(GENESIS, &key(1), [9; 16], &peer(1), &peer(2)),
            allowed: [key(1).public_key(), key(2).public_key()].into(),
            dialled: None,
            remote_peer: peer(1),
        }
    }

    impl Meeting {
        fn check(&self) -> Result<(), Refusal> {
            Expect {
                genesis: GENESIS,
                own_key: key(2).public_key(),
                own_peer: peer(2),
                remote_peer: self.remote_peer,
                dialled: self.dialled,
                allowed: &self.allowed,
            }
            .check(&self.hello)
        }
    }

    #[test]
    fn an_allowed_key_on_its_own_channel_is_accepted() {
        assert_eq!(meeting().check(), Ok(()));
        assert_eq!(Meeting { dialled: Some(key(1).public_key()), ..meeting() }.check(), Ok(()));
    }

    #[test]
    fn each_defect_has_its_own_refusal() {
        let mut m = meeting();
        m.hello.version = 2;
        assert_eq!(m.check(), Err(Refusal::Version));

        let mut m = meeting();
        m.hello.genesis = GenesisDigest(Digest([8; 32]));
        assert_eq!(m.check(), Err(Refusal::Genesis));

        let mut m = meeting();
        m.hello.key = key(2).public_key();
        assert_eq!(m.check(), Err(Refusal::OwnKey));

        let mut m = meeting();
        m.allowed.remove(&key(1).public_key());
        assert_eq!(m.check(), Err(Refusal::UnknownKey));

        let m = Meeting { dialled: Some(key(3).public_key()), ..meeting() };
        assert_eq!(m.check(), Err(Refusal::UnexpectedKey));

        let mut m = meeting();
        m.hello.signature.0[40] ^= 1;
        assert_eq!(m.check(), Err(Refusal::Signature));
    }

    #[test]
    fn a_captured_hello_is_worthless_on_another_channel() {
        // Replayed by whoever holds channel 3.
        let m = Meeting { remote_peer: peer(3), ..meeting() };
        assert_eq!(m.check(), Err(Refusal::Signature));
        // Meant for channel 3, relayed to channel 2.
        let hello = Hello::sign(GENESIS, &key(1), [9; 16], &peer(1), &peer(3));
        assert_eq!(Meeting { hello, ..meeting() }.check(), Err(Refusal::Signature));
        // Our own hello reflected under the other's key.
        let mut hello = Hello::sign(GENESIS, &key(2), [9; 16], &peer(2), &peer(1));
        hello.key = key(1).public_key();
        assert_eq!(Meeting { hello, ..meeting() }.check(), Err(Refusal::Signature));
    }

    #[test]
    fn codes_and_numbers_are_distinct() {
        let codes: BTreeSet<_> = Refusal::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(Refusal::ALL.iter().enumerate().all(|(i, r)| i == *r as usize && !r.zh().is_empty()));
    }

    #[test]
    fn golden_bytes_of_the_hello() {
        let hello = meeting().hello;
        let bytes = wire::encode("hello", &hello).expect("small");
        let fields = ["01", &hello.genesis.to_string(), &hello.key.to_string(), &"09".repeat(16)].concat();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, format!("{fields}{}", hello.signature));
        assert_eq!(wire::decode::<Hello>("hello", &bytes), Ok(hello));
        assert!(bytes.len() < MESSAGE_BYTES);
    }

    #[test]
    fn golden_bytes_of_the_verdicts() {
        let ready = Verdict::Ready(Standing { live: true, links: 3 });
        for (verdict, bytes) in
            [(Verdict::Refused(2), vec![0, 2]), (ready, vec![1, 1, 3]), (Verdict::Accepted, vec![2])]
        {
            assert_eq!(wire::encode("verdict", &verdict), Ok(bytes.clone()));
            assert_eq!(wire::decode("verdict", &bytes), Ok(verdict));
        }
    }
}
