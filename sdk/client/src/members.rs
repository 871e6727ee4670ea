//! Organizations, signers and parameters, as nodes list them.
//!
//! A list is one node's word, as those of [`governance`](crate::Client::proposals). A history is a chain of hashes: a node
//! can keep back the newest rows, and no others.

use crate::client::Client;
use crate::error::Error;
use hnchain_crypto::PublicKey;
use hnchain_types::member::{
    Governing, ORGANIZATIONS, OrganizationRow, Origin, PARAMETERS_KEY, SIGNERS, SignerRow, history_key,
    organization_key, row_hash, signer_key,
};
use std::collections::BTreeMap;

/// Questions about members: [`Client::members`].
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    client: &'a Client,
}

/// A row that has a history.
trait Row: Sized {
    fn read(raw: &[u8]) -> Result<Self, String>;
    fn key(&self) -> String;
    fn origin(&self) -> &Origin;
}

impl Row for OrganizationRow {
    fn read(raw: &[u8]) -> Result<Self, String> {
        Self::decode(raw).map_err(|e| e.to_string())
    }

    fn key(&self) -> String {
        organization_key(&self.id)
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Row for SignerRow {
    fn read(raw: &[u8]) -> Result<Self, String> {
        Self::decode(raw).map_err(|e| e.to_string())
    }

    fn key(&self) -> String {
        signer_key(&self.public_key)
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Client {
    /// Questions about organizations, signers and parameters.
    #[must_use]
    pub const fn members(&self) -> Members<'_> {
        Members { client: self }
    }
}

impl Members<'_> {
    /// All organizations, by id. One node's word.
    ///
    /// # Errors
    /// No node answered.
    pub async fn organizations(&self) -> Result<Vec<OrganizationRow>, Error> {
        self.client.list("organizations", ORGANIZATIONS, own::<OrganizationRow>).await
    }

    /// All signers, revoked ones among them, by organization and key. One node's word.
    ///
    /// # Errors
    /// No node answered.
    pub async fn signers(&self) -> Result<Vec<SignerRow>, Error> {
        let mut rows = self.client.list("signers", SIGNERS, own::<SignerRow>).await?;
        rows.sort_by(|a, b| (&a.organization, a.public_key).cmp(&(&b.organization, b.public_key)));
        Ok(rows)
    }

    /// An organization. One node's word.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered.
    pub async fn organization(&self, id: &str) -> Result<OrganizationRow, Error> {
        let key = organization_key(id);
        self.client.row("organization", &key, |raw| own(&key, raw)).await
    }

    /// A signer. One node's word.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered.
    pub async fn signer(&self, public_key: &PublicKey) -> Result<SignerRow, Error> {
        let key = signer_key(public_key);
        self.client.row("signer", &key, |raw| own(&key, raw)).await
    }

    /// Every version of an organization, the first one first. Each is proven by the hash that the one after it names; that
    /// the last is the present one is one node's word.
    ///
    /// # Errors
    /// [`Error::Missing`], no node answered, or versions that are no chain.
    pub async fn organization_history(&self, id: &str) -> Result<Vec<OrganizationRow>, Error> {
        self.history(&organization_key(id)).await
    }

    /// Every version of a signer; see [`Members::organization_history`].
    ///
    /// # Errors
    /// [`Error::Missing`], no node answered, or versions that are no chain.
    pub async fn signer_history(&self, public_key: &PublicKey) -> Result<Vec<SignerRow>, Error> {
        self.history(&signer_key(public_key)).await
    }

    /// The parameters that proposals change. One node's word.
    ///
    /// # Errors
    /// No node answered.
    pub async fn parameters(&self) -> Result<Governing, Error> {
        self.client.row("parameters", PARAMETERS_KEY, |raw| Governing::decode(raw).map_err(|e| e.to_string())).await
    }

    async fn history<R: Row>(&self, key: &str) -> Result<Vec<R>, Error> {
        let what = "member history";
        let last = self.client.row(what, key, |raw| own::<R>(key, raw)).await?;
        let prefix = format!("{}/", history_key(key, 0).trim_end_matches("/0"));
        let older = self
            .client
            .list(what, &prefix, |at, raw| {
                let row = R::read(raw)?;
                let belongs = row.key() == key && history_key(key, row.origin().revision) == at;
                if belongs {
                    Ok((row.origin().revision, (row, row_hash(raw))))
                } else {
                    Err(format!("row {at} is another's"))
                }
            })
            .await?;
        let mut older: BTreeMap<u64, _> = older.into_iter().collect();
        let mut rows = vec![last];
        while let Some(previous) =
            rows.last().and_then(|row| Some((row.origin().revision.checked_sub(1)?, row.origin().previous)))
        {
            match older.remove(&previous.0) {
                Some((row, hash)) if Some(hash) == previous.1 => rows.push(row),
                _ => return Err(Error::Missing { what, key: history_key(key, previous.0) }),
            }
        }
        rows.reverse();
        Ok(rows)
    }
}

/// A row under its own key.
fn own<R: Row>(key: &str, raw: &[u8]) -> Result<R, String> {
    let row = R::read(raw)?;
    if row.key() == key { Ok(row) } else { Err(format!("row {key} holds {}", row.key())) }
}
