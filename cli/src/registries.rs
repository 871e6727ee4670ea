//! The registries: 农产品溯源.

pub(crate) mod trace;
