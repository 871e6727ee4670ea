//! Refusals as gRPC statuses.

use crate::refusal::Refusal;
use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};

/// Header with the stable code.
pub(crate) const CODE_HEADER: &str = "hnchain-code";
/// Header with the Chinese message, UTF-8.
pub(crate) const ZH_HEADER: &str = "hnchain-message-zh-bin";

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let mut metadata = MetadataMap::new();
        metadata.insert(CODE_HEADER, MetadataValue::from_static(refusal.code));
        metadata.insert_bin(ZH_HEADER, MetadataValue::from_bytes(refusal.message_zh.as_bytes()));
        Self::with_metadata(refusal.grpc(), refusal.to_string(), metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Kind;

    #[test]
    fn a_status_carries_code_and_both_languages() {
        let refusal = Refusal::new("MEMPOOL_FULL", Kind::Busy, "full", "已满");
        let status = Status::from(refusal);
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        assert_eq!(status.message(), "MEMPOOL_FULL: full");
        assert_eq!(status.metadata().get(CODE_HEADER).and_then(|v| v.to_str().ok()), Some("MEMPOOL_FULL"));
        let zh = status.metadata().get_bin(ZH_HEADER).and_then(|v| v.to_bytes().ok());
        assert_eq!(zh.as_deref(), Some("已满".as_bytes()));
    }
}
