//! Lists of state rows that concern everyone.

use super::Context;
use crate::refusal::{Kind, Refusal};
use hnchain_types::proto;

/// Beginnings of the keys that may be listed, and how many names have to follow, each with its slash. What belongs to one
/// certificate, unit or batch is listed by its name, so that a registry cannot be copied out.
const PUBLIC: [(&str, usize); 10] = [
    ("validators", 0),
    ("governance/", 0),
    ("evidence/", 0),
    ("org/", 0),
    ("signer/", 0),
    ("certificate-type/", 0),
    ("certificate-history/", 1),
    ("certificate-holder/", 1),
    ("realty/", 2),
    ("trace/", 3),
];
/// Rows in one answer.
const MOST: usize = 256;
/// Bytes of rows in one answer, beyond the first row.
const BYTES: usize = 1024 * 1024;
/// Longest key that is asked about.
const KEY_BYTES: usize = 512;
/// Tries to read rows and their height from one state while blocks become final.
const TRIES: usize = 16;

impl Context {
    pub(super) async fn rows(&self, request: proto::ListRowsRequest) -> Result<proto::ListRowsResponse, Refusal> {
        let proto::ListRowsRequest { prefix, after, limit } = request;
        if prefix.len().max(after.len()) > KEY_BYTES || !is_public(&prefix) {
            let names = || PUBLIC.iter().map(|(prefix, names)| format!("{prefix}{}", "…/".repeat(*names)));
            let (en, zh) = (names().collect::<Vec<_>>().join(", "), names().collect::<Vec<_>>().join("、"));
            return Err(Refusal::new(
                "ROWS_PREFIX",
                Kind::Invalid,
                format!("rows are listed by a prefix that begins with one of {en}"),
                format!("列表前缀须以下列之一开头：{zh}"),
            ));
        }
        let most = match limit {
            0 => MOST,
            limit => MOST.min(limit as usize),
        };
        self.read(move |shared, _| {
            for _ in 0..TRIES {
                let height = shared.store.tip().height;
                // One more than wanted says whether there are more.
                let mut found = shared.store.rows(&prefix, Some(after.as_str()), most + 1, BYTES)?;
                if shared.store.tip().height != height {
                    continue;
                }
                let last = found.get(most.min(found.len()).saturating_sub(1)).map(|(key, _)| key.clone());
                let more = match &last {
                    Some(last) if found.len() <= most => !shared.store.rows(&prefix, Some(last), 1, 0)?.is_empty(),
                    Some(_) => true,
                    None => false,
                };
                found.truncate(most);
                let rows = found.into_iter().map(|(key, value)| proto::Row { key, value }).collect();
                return Ok(proto::ListRowsResponse { rows, height: height.0, more });
            }
            Err(Refusal::contended())
        })
        .await
    }
}

/// Whether rows of this prefix may be listed.
fn is_public(prefix: &str) -> bool {
    PUBLIC
        .iter()
        .any(|(start, names)| prefix.strip_prefix(start).is_some_and(|rest| rest.matches('/').count() >= *names))
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn a_registry_cannot_be_copied_out() {
        for listed in [
            "validators",
            "org/",
            "org/henan",
            "certificate-history/1.2.156/",
            "realty/entry/4101/",
            "realty/entry/4101/0",
        ] {
            assert!(is_public(listed), "{listed}");
        }
        for kept in [
            "",
            "params",
            "anchor/",
            "certificate/",
            "certificate-history/",
            "certificate-history/1.2",
            "realty/",
            "realty/entry/",
            "realty/entry/4101",
            "trace/event/a",
        ] {
            assert!(!is_public(kept), "{kept}");
        }
    }
}
