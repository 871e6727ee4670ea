//! Lists of state rows that concern everyone.

use super::Context;
use crate::refusal::{Kind, Refusal};
use hnchain_types::proto;

/// Beginnings of the keys that may be listed. Records are asked for by name, so that a namespace cannot be copied out.
const PUBLIC: [&str; 6] = ["validators", "governance/", "evidence/", "org/", "signer/", "certificate-type/"];
/// Beginnings of keys that are listed for whoever knows what follows, and how much of that the prefix has to name: the
/// shortest 电子证照标识, or a commitment.
const OF_ONE: [(&str, usize); 3] = [("certificate/", 71), ("certificate-history/", 71), ("certificate-holder/", 64)];
/// Rows in one answer.
const MOST: usize = 256;
/// Bytes of rows in one answer, beyond the first row.
const BYTES: usize = 1024 * 1024;
/// Longest key that is asked about.
const KEY_BYTES: usize = 512;
/// Tries to read rows and their height from one state while blocks become final.
const TRIES: usize = 16;

/// Whether a prefix is public, or names the one that it is about.
fn listable(prefix: &str) -> bool {
    let of_one = |(p, least): &(&str, usize)| prefix.strip_prefix(p).is_some_and(|rest| rest.len() >= *least);
    PUBLIC.iter().any(|p| prefix.starts_with(p)) || OF_ONE.iter().any(of_one)
}

impl Context {
    pub(super) async fn rows(&self, request: proto::ListRowsRequest) -> Result<proto::ListRowsResponse, Refusal> {
        let proto::ListRowsRequest { prefix, after, limit } = request;
        if prefix.len().max(after.len()) > KEY_BYTES || !listable(&prefix) {
            return Err(Refusal::new(
                "ROWS_PREFIX",
                Kind::Invalid,
                format!(
                    "rows are listed by a prefix that begins with one of {}, or names one certificate or holder",
                    PUBLIC.join(", ")
                ),
                format!("列表前缀须以下列之一开头：{}，或指明一份证照、一个持证主体", PUBLIC.join("、")),
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
