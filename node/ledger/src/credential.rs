//! The registry of 电子证照 (GB/T 36901 to 36905-2018).

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::Failure;
use crate::state::State;
use hnchain_types::credential::Operation;
use hnchain_types::proto;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Credentials;

impl Registry<Operation> for Credentials {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        match *op {}
    }

    fn apply(&self, _context: &Context<'_>, _state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        match *op {}
    }
}
