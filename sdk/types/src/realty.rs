//! 不动产登记: operations, rows and events, checked.

use crate::{DecodeError, proto};
use serde::Serialize;

/// An operation of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Operation {}

impl Operation {
    /// One line for people, in Chinese or in English.
    #[must_use]
    pub fn summary(&self, _chinese: bool) -> String {
        match *self {}
    }

    pub(crate) fn from_proto(_m: proto::RealtyOperation) -> Result<Self, DecodeError> {
        Err(DecodeError::field("realty", "unknown or missing kind", "未知或缺失的操作类别"))
    }
}

/// An event as JSON, for programs.
#[must_use]
pub fn event_json(_m: &proto::RealtyChanged) -> serde_json::Value {
    serde_json::Value::Null
}

/// Checks an event.
pub(crate) fn check_event(_m: &proto::RealtyChanged) -> Result<(), DecodeError> {
    Err(DecodeError::field("realty", "unknown or missing kind", "未知或缺失的事件类别"))
}
