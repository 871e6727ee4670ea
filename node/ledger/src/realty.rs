//! The registry of 不动产登记 (不动产登记暂行条例; 民法典 物权编).
//!
//! | label | rule | code |
//! |---|---|---|
//! | R1 | a unit is first-registered once | `REALTY_UNIT_EXISTS` |
//! | R1 | a fixture's parcel is registered before it | `REALTY_PARCEL_MISSING` |
//! | R1 | the right fits the unit's code | `REALTY_RIGHT` |
//! | R1 | everything else is about a registered unit | `REALTY_UNIT_NOT_FOUND` |
//! | R1 | a cancelled unit accepts nothing more | `REALTY_UNIT_CANCELLED` |
//! | R1 | a parcel is cancelled after its fixtures | `REALTY_FIXTURES` |
//! | R2 | a transfer names exactly the present holders | `REALTY_HOLDERS_DIFFER` |
//! | R2 | a transfer or change makes a difference | `REALTY_UNCHANGED` |
//! | R3 | shares sum to exactly one | `REALTY_SHARES` |
//! | R3 | holders consent: alone and jointly all, by shares two thirds unless they agreed otherwise (art. 301) | `REALTY_CONSENT` |
//! | R4 | while a seal is effective: no transfer, change, cancellation, mortgage, interest, notice, nor other holders by correction | `REALTY_SEALED` |
//! | R4 | a seal is lifted by the court that sealed | `REALTY_SEAL_COURT` |
//! | R5 | disposal needs the consent of every notice-holder (art. 221) | `REALTY_NOTICED` |
//! | R6 | an objection or notice that has lapsed is not revived, nor ended again | `REALTY_BURDEN_LAPSED` |
//! | R7 | transfer against a registered agreement, and cancellation, need the mortgagee's consent (art. 406) | `REALTY_MORTGAGED` |
//! | R7 | a mortgage, notice, objection or interest ends by its party's consent or by a court | `REALTY_RELEASE` |
//! | R7 | cancellation needs the consent of the holders of interests | `REALTY_INTERESTED` |
//! | R8 | a correction names an entry of the unit | `REALTY_ENTRY_NOT_FOUND` |
//! | R8 | it corrects holders that the entry names | `REALTY_CORRECTION_HOLDER` |
//! | R8 | it makes no two holders one | `REALTY_HOLDER_TWICE` |
//! | R9 | a certificate number is given once | `REALTY_NUMBER_TAKEN` |
//! | R10 | at most 16 open burdens of a kind | `REALTY_BURDENS_FULL` |
//! | R10 | at most 999 999 registrations of a unit | `REALTY_ENTRIES_FULL` |
//! | R11 | a burden that is ended or moved is open | `REALTY_BURDEN_NOT_FOUND` |
//!
//! Only a registrar of the unit's division writes, with the 登记类型 as subject; seals, and releases by order, a court of
//! the division (`ROLE_MISSING`, checked before the block and in it: an operation names its unit).
//!
//! A transfer of shares needs the consent of those whose share shrinks. Two thirds may dispose of the whole only: against
//! the will of the others nobody who held before holds afterwards. Cancellation and change count as disposal (art. 301).
//!
//! Every registration is an entry, [`hnchain_types::realty::Entry`], numbered from 1; each names the hash of the one
//! before and the unit's row that of the last. A correction writes its number into the entry that it corrects, which
//! otherwise never changes. A burden's number is that of the entry that made it, so rank and queue are its order.
//!
//! What ends by time is computed from rows and block time when it is read; nothing runs in the background. Lapsed burdens
//! leave the unit's row when another of their kind is made.

mod burdens;
mod seals;
mod title;
mod unit;

use crate::membership::Permission;
use crate::registry::{Context, Registry};
use crate::rejection::Failure;
use crate::state::State;
use hnchain_types::genesis;
use hnchain_types::proto;
use hnchain_types::realty::Operation;

/// The registry.
#[derive(Clone, Copy, Debug)]
pub struct Realty;

impl Registry<Operation> for Realty {
    fn needs<'a>(&self, op: &'a Operation) -> Permission<'a> {
        let division = op.unit().division();
        if op.is_judicial() {
            Permission::Judge { division: Some(division) }
        } else {
            let (registry, subject) = (genesis::Registry::Realty, op.registration().code());
            Permission::Register { registry, subject, division }
        }
    }

    fn apply(&self, context: &Context<'_>, state: &mut State<'_>, op: &Operation) -> Result<proto::Event, Failure> {
        match op {
            Operation::Register(op) => title::register(context, state, op),
            Operation::Transfer(op) => title::transfer(context, state, op),
            Operation::Change(op) => title::change(context, state, op),
            Operation::Cancel(op) => title::cancel(context, state, op),
            Operation::Correct(op) => title::correct(context, state, op),
            Operation::Mortgage(op) => burdens::mortgage(context, state, op),
            Operation::Seal(op) => seals::seal(context, state, op),
            Operation::Unseal(op) => seals::unseal(context, state, op),
            Operation::Notice(op) => burdens::notice(context, state, op),
            Operation::Objection(op) => burdens::objection(context, state, op),
            Operation::Interest(op) => burdens::interest(context, state, op),
            Operation::Release(op) => burdens::release(context, state, op),
            Operation::Progress(op) => burdens::progress(context, state, op),
        }
    }
}
