//! The registry of 农产品溯源.

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::Failure;
use crate::state::State;
use hnchain_types::proto;
use hnchain_types::trace::Operation;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Traceability;

impl Registry<Operation> for Traceability {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        match *op {}
    }

    fn apply(&self, _context: &Context<'_>, _state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        match *op {}
    }
}
