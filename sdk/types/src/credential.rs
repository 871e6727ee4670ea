//! 电子证照 (GB/T 36901 to 36905-2018): operations, rows and events, checked.

use crate::{DecodeError, proto};

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {}

impl Operation {
    pub(crate) fn from_proto(_m: proto::CredentialOperation) -> Result<Self, DecodeError> {
        Err(DecodeError::field("credential", "unknown or missing kind", "未知或缺失的操作类别"))
    }
}

/// Checks an event.
pub(crate) fn check_event(_m: &proto::CredentialChanged) -> Result<(), DecodeError> {
    Err(DecodeError::field("credential", "unknown or missing kind", "未知或缺失的事件类别"))
}
