//! Registries with rules of their own: documents in JSON go in, tables or JSON come out.

pub(crate) mod certificate;
pub(crate) mod commitments;
pub(crate) mod realty;
pub(crate) mod trace;
