//! Registries with rules of their own: a module for each.

pub(crate) mod certificate;
