//! Lists of state rows that concern everyone.

use super::Context;
use crate::refusal::{Kind, Refusal};
use hnchain_types::proto;

/// Beginnings of the keys that may be listed. Records are asked for by name, so that a namespace cannot be copied out.
const PUBLIC: [&str; 7] = ["validators", "governance/", "evidence/", "org/", "signer/", "member-history/", "params"];
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
        if prefix.len().max(after.len()) > KEY_BYTES || !PUBLIC.iter().any(|p| prefix.starts_with(p)) {
            return Err(Refusal::new(
                "ROWS_PREFIX",
                Kind::Invalid,
                format!("rows are listed by a prefix that begins with one of {}", PUBLIC.join(", ")),
                format!("列表前缀须以下列之一开头：{}", PUBLIC.join("、")),
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
