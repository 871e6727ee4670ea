//! 不动产登记: hand registrations in, read units, their burdens and chains of title.
//!
//! What is read is one node's word, checked as far as it goes: rows are canonical and belong to their keys, the burdens of
//! a unit are exactly those that its row names, entries are linked by their hashes. The unit's row covers all of it.

use crate::client::Client;
use crate::error::Error;
use crate::governance::ask;
use crate::nodes::{Failure, Peer};
use crate::signer::Signer;
use hnchain_crypto::Digest;
use hnchain_types::codes::UnitCode;
use hnchain_types::realty::{
    Burden, BurdenKind, Cancel, Change, Correct, Entry, Holding, Interest, Mortgage, Notice, Objection, Operation,
    Progress, Register, Release, Seal, Transfer, Unit, UnitView, Unseal, burden_key, burden_prefix, entry_key,
    entry_prefix, holder_key, holder_prefix, unit_key,
};
use hnchain_types::transaction::{Outcome, Receipt};
use hnchain_types::{Height, limits, proto};
use std::time::Duration;

/// Rows asked for at once.
const PAGE: u32 = 256;
/// Times that a unit is read again because it changed while its burdens were read.
const TRIES: usize = 5;

/// The registry, as a client sees it.
#[derive(Clone, Copy, Debug)]
pub struct Realty<'a> {
    client: &'a Client,
}

/// A registration that took effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The receipt.
    pub receipt: Receipt,
    /// What it did: the number of its entry, and of the burden that it made, ended or moved.
    pub changed: proto::RealtyChanged,
}

/// A unit as a node reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitAnswer {
    /// Who holds what under which burdens, as of the node's newest block.
    pub view: UnitView,
    /// Height at which it was read.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

/// A part of a chain of title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitlePage {
    /// Entries in order, linked by their hashes.
    pub entries: Vec<Entry>,
    /// Whether there are more after the last.
    pub more: bool,
    /// Height at which it was read.
    pub height: Height,
}

/// A part of the units that a commitment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPage {
    /// In the order of their codes.
    pub units: Vec<Held>,
    /// Whether there are more after the last.
    pub more: bool,
    /// Height at which it was read.
    pub height: Height,
}

/// A unit that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which unit.
    pub unit: UnitCode,
    /// Since which entry.
    pub since: u32,
}

impl Client {
    /// The registry of real estate.
    #[must_use]
    pub const fn realty(&self) -> Realty<'_> {
        Realty { client: self }
    }
}

macro_rules! registrations {
    ($($(#[$doc:meta])* $name:ident($op:ident);)*) => {
        impl Realty<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Realty::submit`].
                pub async fn $name(&self, signer: &Signer, op: $op, timeout: Duration) -> Result<Registered, Error> {
                    self.submit(signer, op.into(), timeout).await
                }
            )*
        }
    };
}

registrations! {
    /// 首次登记.
    register(Register);
    /// 转移登记.
    transfer(Transfer);
    /// 变更登记.
    change(Change);
    /// 注销登记 of a unit.
    cancel(Cancel);
    /// 更正登记.
    correct(Correct);
    /// 抵押权登记.
    mortgage(Mortgage);
    /// 查封登记, with a court's key.
    seal(Seal);
    /// 解除查封, with the key of the court that sealed.
    unseal(Unseal);
    /// 预告登记.
    notice(Notice);
    /// 异议登记.
    objection(Objection);
    /// 居住权登记, 地役权登记.
    interest(Interest);
    /// The end of a mortgage, notice, objection or interest.
    release(Release);
    /// What moves the end of a notice or objection.
    progress(Progress);
}

impl Realty<'_> {
    /// Signs any operation of this registry, hands it in and waits until it is final.
    ///
    /// # Errors
    /// An operation that breaks a format rule; [`Error::Rejected`] by a rule of the registry; as
    /// [`Client::submit_and_wait`].
    pub async fn submit(&self, signer: &Signer, op: Operation, timeout: Duration) -> Result<Registered, Error> {
        let transaction = signer.realty(std::slice::from_ref(&op))?;
        let receipt = self.client.submit_and_wait(&transaction, timeout).await?;
        let Some(changed) = changed(&receipt, op.unit()) else {
            let why = "the receipt is of another operation".to_owned();
            return Err(Error::BadResponse { endpoint: "the node".to_owned(), what: "receipt", why });
        };
        Ok(Registered { receipt, changed })
    }

    /// A unit with its open burdens, as of the node's newest block.
    ///
    /// # Errors
    /// [`Error::Missing`] for a unit that was never registered, or no node answered.
    pub async fn unit(&self, code: &UnitCode) -> Result<UnitAnswer, Error> {
        const WHAT: &str = "unit";
        let found = self
            .client
            .nodes()
            .call(WHAT, self.client.deadline(), |mut peer| async move {
                for _ in 0..TRIES {
                    let (before, _) = unit_row(&mut peer, code).await?;
                    let Some(unit) = before else { return Ok(None) };
                    let mut burdens = Vec::new();
                    for kind in BurdenKind::ALL {
                        burdens.append(&mut open_burdens(&mut peer, &unit, *kind).await?);
                    }
                    let status = peer.client.get_status(proto::GetStatusRequest {}).await;
                    let now = status.map_err(|s| peer.failed(WHAT, &s))?.into_inner().time_ms;
                    let (after, height) = unit_row(&mut peer, code).await?;
                    // Burdens change only with an entry, so between two equal rows they did not.
                    if after.as_ref().is_some_and(|a| a.entry_hash == unit.entry_hash) {
                        let now = now.max(unit.time_ms);
                        let view = UnitView::at(unit, burdens, now).map_err(|e| peer.bad(WHAT, &e))?;
                        return Ok(Some(UnitAnswer { view, height, endpoint: peer.name.to_string() }));
                    }
                }
                Err(peer.bad(WHAT, "a unit that never rests"))
            })
            .await?;
        found.ok_or_else(|| Error::Missing { what: WHAT, key: unit_key(code) })
    }

    /// Entries of a unit after a number (0 for the first), at most `most` and at most 256.
    ///
    /// # Errors
    /// No node answered, or none with linked entries.
    pub async fn title(&self, code: &UnitCode, after: u32, most: u32) -> Result<TitlePage, Error> {
        const WHAT: &str = "title";
        let (prefix, after_key) = (&entry_prefix(code), &entry_key(code, after));
        self.client
            .nodes()
            .call(WHAT, self.client.deadline(), |mut peer| async move {
                let page = rows(&mut peer, WHAT, prefix, after_key, most).await?;
                let read = |row: &proto::Row| {
                    let entry = Entry::decode(&row.value).map_err(|e| e.to_string())?;
                    same(&entry_key(&entry.unit, entry.number), &row.key).map(|()| entry)
                };
                let entries: Result<Vec<_>, _> = page.rows.iter().map(read).collect();
                let entries = entries.map_err(|e| peer.bad(WHAT, &e))?;
                let begins = entries.first().is_none_or(|e| e.number == after.saturating_add(1));
                if !begins || !Entry::are_linked(&entries) {
                    return Err(peer.bad(WHAT, "entries that do not follow each other"));
                }
                Ok(TitlePage { entries, more: page.more, height: Height(page.height) })
            })
            .await
    }

    /// Units that a commitment holds, after a code, at most `most` and at most 256.
    ///
    /// # Errors
    /// No node answered.
    pub async fn held_by(&self, who: &Digest, after: Option<&UnitCode>, most: u32) -> Result<HeldPage, Error> {
        const WHAT: &str = "held units";
        let prefix = &holder_prefix(who);
        let after = &after.map(|code| holder_key(who, code)).unwrap_or_default();
        self.client
            .nodes()
            .call(WHAT, self.client.deadline(), |mut peer| async move {
                let page = rows(&mut peer, WHAT, prefix, after, most).await?;
                let read = |row: &proto::Row| {
                    let unit = row.key.strip_prefix(prefix.as_str()).and_then(|code| code.parse().ok());
                    let unit = unit.ok_or_else(|| format!("key {}", row.key))?;
                    let holding = Holding::decode(&row.value).map_err(|e| e.to_string())?;
                    Ok(Held { unit, since: holding.entry })
                };
                let units: Result<Vec<_>, String> = page.rows.iter().map(read).collect();
                let units = units.map_err(|e| peer.bad(WHAT, &e))?;
                Ok(HeldPage { units, more: page.more, height: Height(page.height) })
            })
            .await
    }
}

/// What the one operation of a transaction did.
fn changed(receipt: &Receipt, unit: &UnitCode) -> Option<proto::RealtyChanged> {
    let Outcome::Accepted(events) = &receipt.outcome else { return None };
    match events.as_slice() {
        [proto::Event { kind: Some(proto::event::Kind::Realty(m)) }] if m.unit == unit.as_str() => Some(m.clone()),
        _ => None,
    }
}

/// One page of rows that belong to the question, in order.
async fn rows(
    peer: &mut Peer,
    what: &'static str,
    prefix: &str,
    after: &str,
    most: u32,
) -> Result<proto::ListRowsResponse, Failure> {
    let limit = most.clamp(1, PAGE);
    let request = proto::ListRowsRequest { prefix: prefix.to_owned(), after: after.to_owned(), limit };
    let page = ask(peer, what, request).await?;
    let mut last = after;
    for row in &page.rows {
        if !row.key.starts_with(prefix) || row.key.as_str() <= last {
            return Err(peer.bad(what, "rows that were not asked for"));
        }
        last = &row.key;
    }
    if page.rows.len() > limit as usize {
        return Err(peer.bad(what, "more rows than were asked for"));
    }
    Ok(page)
}

async fn unit_row(peer: &mut Peer, code: &UnitCode) -> Result<(Option<Unit>, Height), Failure> {
    let key = unit_key(code);
    let page = rows(peer, "unit", &key, "", 1).await?;
    let read = |row: &proto::Row| {
        let unit = Unit::decode(&row.value).map_err(|e| e.to_string())?;
        same(&unit_key(&unit.code), &key).map(|()| unit)
    };
    let unit = page.rows.first().map(read).transpose().map_err(|e| peer.bad("unit", &e))?;
    Ok((unit, Height(page.height)))
}

/// The burdens of a kind that a unit's row names: a unit names at most 16, but released ones may lie between them.
async fn open_burdens(peer: &mut Peer, unit: &Unit, kind: BurdenKind) -> Result<Vec<Burden>, Failure> {
    const WHAT: &str = "burdens";
    let (open, prefix) = (unit.open(kind), burden_prefix(&unit.code, kind));
    let mut found = Vec::with_capacity(open.len().min(limits::REALTY_BURDENS));
    for number in open {
        let key = burden_key(&unit.code, kind, *number);
        let before = burden_key(&unit.code, kind, number.saturating_sub(1));
        let page = rows(peer, WHAT, &prefix, &before, 1).await?;
        let Some(row) = page.rows.first().filter(|row| row.key == key) else {
            return Err(peer.bad(WHAT, "a burden that the unit names is missing"));
        };
        let burden = Burden::decode(&row.value).map_err(|e| e.to_string());
        let burden = burden.and_then(|b| same(&b.key(), &key).map(|()| b));
        found.push(burden.map_err(|e| peer.bad(WHAT, &e))?);
    }
    Ok(found)
}

fn same(own: &str, key: &str) -> Result<(), String> {
    if own == key { Ok(()) } else { Err(format!("row {key} holds {own}")) }
}
