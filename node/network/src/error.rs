//! What can go wrong at the border of this crate.

use hnchain_crypto::PublicKey;
use std::net::SocketAddr;

/// Why the network did not start, or a request got no reply. `Display` is English, [`NetworkError::zh`] Chinese.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Another process, or another node, listens there.
    #[error("the network address {0} is already in use; stop the other process or change network.listen")]
    PortInUse(SocketAddr),
    /// The operating system refused the listening address.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The system's words.
        reason: String,
    },
    /// A peer's address is not `host:port`.
    #[error("the peer address {0:?} is not host:port")]
    Address(String),
    /// The encrypted channel cannot be built.
    #[error("cannot set up the encrypted channel: {0}")]
    Transport(String),
    /// No link to this peer now.
    #[error("not connected to peer {0}")]
    NotConnected(PublicKey),
    /// A request above [`crate::REQUEST_BYTES`].
    #[error("a request of {0} bytes is larger than the limit of 65536 bytes")]
    RequestTooLarge(usize),
    /// The peer is too busy, or does not answer this.
    #[error("peer {0} refused the request")]
    RequestRefused(PublicKey),
    /// No whole reply in time.
    #[error("peer {0} did not reply in time")]
    RequestTimeout(PublicKey),
    /// A reply above [`crate::REPLY_BYTES`].
    #[error("peer {0} announced a reply above the limit of 33554432 bytes")]
    ReplyTooLarge(PublicKey),
}

impl NetworkError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PortInUse(_) => "NET_PORT_IN_USE",
            Self::Listen { .. } => "NET_LISTEN",
            Self::Address(_) => "NET_ADDRESS",
            Self::Transport(_) => "NET_TRANSPORT",
            Self::NotConnected(_) => "NET_NOT_CONNECTED",
            Self::RequestTooLarge(_) => "NET_REQUEST_TOO_LARGE",
            Self::RequestRefused(_) => "NET_REQUEST_REFUSED",
            Self::RequestTimeout(_) => "NET_REQUEST_TIMEOUT",
            Self::ReplyTooLarge(_) => "NET_REPLY_TOO_LARGE",
        }
    }

    /// The message in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::PortInUse(address) => {
                format!("网络地址 {address} 已被占用；请停止占用它的进程，或修改 network.listen")
            }
            Self::Listen { address, reason } => format!("无法监听 {address}：{reason}"),
            Self::Address(text) => format!("节点地址 {text:?} 不是 主机:端口 的形式"),
            Self::Transport(reason) => format!("无法建立加密通道：{reason}"),
            Self::NotConnected(peer) => format!("尚未连接到节点 {peer}"),
            Self::RequestTooLarge(size) => format!("请求为 {size} 字节，超过 65536 字节的上限"),
            Self::RequestRefused(peer) => format!("节点 {peer} 拒绝了请求"),
            Self::RequestTimeout(peer) => format!("节点 {peer} 未在限定时间内答复"),
            Self::ReplyTooLarge(peer) => format!("节点 {peer} 的答复超过 33554432 字节的上限"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{REPLY_BYTES, REQUEST_BYTES};

    #[test]
    fn messages_name_the_real_limits_in_both_languages() {
        let key = hnchain_crypto::SecretKey::from_bytes(&[1; 32]).expect("in range").public_key();
        for (error, limit) in
            [(NetworkError::RequestTooLarge(7), REQUEST_BYTES), (NetworkError::ReplyTooLarge(key), REPLY_BYTES)]
        {
            let limit = limit.to_string();
            assert!(error.to_string().contains(&limit) && error.zh().contains(&limit), "{error}");
        }
    }
}
