//! 农产品溯源: operations, rows and events, checked.

use crate::{DecodeError, proto};

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {}

impl Operation {
    pub(crate) fn from_proto(_m: proto::TraceOperation) -> Result<Self, DecodeError> {
        Err(DecodeError::field("trace", "unknown or missing kind", "未知或缺失的操作类别"))
    }
}

/// Checks an event.
pub(crate) fn check_event(_m: &proto::TraceChanged) -> Result<(), DecodeError> {
    Err(DecodeError::field("trace", "unknown or missing kind", "未知或缺失的事件类别"))
}
