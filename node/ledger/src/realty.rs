//! The registry of 不动产登记.

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::Failure;
use crate::state::State;
use hnchain_types::proto;
use hnchain_types::realty::Operation;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Realty;

impl Registry<Operation> for Realty {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        match *op {}
    }

    fn apply(&self, _context: &Context<'_>, _state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        match *op {}
    }
}
