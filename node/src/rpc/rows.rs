//! Lists of state rows that concern everyone.

use super::Context;
use crate::refusal::{Kind, Refusal};
use hnchain_types::codes::CertificateId;
use hnchain_types::proto;
use hnchain_types::trace::BatchId;

/// Beginnings of the keys that may be listed, and how much has to follow: what belongs to one certificate, unit, batch or
/// holder is listed for whoever knows its name, so that a registry cannot be copied out. The names are the shortest
/// 电子证照标识 (71), a commitment (64), a 不动产单元代码 (28), and a 统一社会信用代码 with a slash and a batch code (20).
const LISTED: [(&str, usize); 23] = [
    ("validators", 0),
    ("governance/", 0),
    ("evidence/", 0),
    ("org/", 0),
    ("signer/", 0),
    ("member-history/", 0),
    ("params", 0),
    ("certificate-type/", 0),
    ("certificate/", 71),
    ("certificate-history/", 71),
    ("certificate-holder/", 64),
    ("realty/unit/", 28),
    ("realty/entry/", 28),
    ("realty/mortgage/", 28),
    ("realty/seal/", 28),
    ("realty/notice/", 28),
    ("realty/objection/", 28),
    ("realty/interest/", 28),
    ("realty/holder/", 64),
    ("trace/batch/", 20),
    ("trace/event/", 20),
    ("trace/child/", 20),
    ("trace/recalls", 0),
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
        if prefix.len().max(after.len()) > KEY_BYTES || !is_listed(&prefix) {
            let open: Vec<&str> = LISTED.iter().filter(|(_, least)| *least == 0).map(|(start, _)| *start).collect();
            return Err(Refusal::new(
                "ROWS_PREFIX",
                Kind::Invalid,
                format!(
                    "rows are listed by a prefix that begins with one of {}, or that names one certificate, unit, batch or holder",
                    open.join(", ")
                ),
                format!("列表前缀须以下列之一开头：{}，或指明某一证照、不动产单元、批次或持有人", open.join("、")),
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
fn is_listed(prefix: &str) -> bool {
    LISTED.iter().any(|(start, least)| {
        prefix.strip_prefix(start).is_some_and(|rest| rest.len() >= *least && (*least == 0 || names_one(start, rest)))
    })
}

/// Whether what follows begins with a whole name. Of certificates and batches names can be of several lengths, so they are
/// read.
fn names_one(start: &str, rest: &str) -> bool {
    let mut parts = rest.split('/');
    match start {
        "certificate/" | "certificate-history/" => parts.next().is_some_and(|id| id.parse::<CertificateId>().is_ok()),
        "trace/batch/" | "trace/event/" | "trace/child/" => {
            parts.next().zip(parts.next()).is_some_and(|(producer, code)| BatchId::new(producer, code).is_ok())
                && (start == "trace/batch/" || parts.next().is_some())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_listed;

    #[test]
    fn a_registry_cannot_be_copied_out() {
        let (unit, holder) = ("410202001001GB00001W00000000", "ab".repeat(32));
        for listed in [
            "validators".to_owned(),
            "org/".to_owned(),
            format!("realty/unit/{unit}"),
            format!("realty/entry/{unit}/"),
            format!("realty/holder/{holder}/"),
            format!("certificate-holder/{holder}/"),
            "trace/child/93411282MA7H80041B/LB-1/".to_owned(),
        ] {
            assert!(is_listed(&listed), "{listed}");
        }
        for kept in [
            "",
            "anchor/",
            "certificate/",
            "certificate/1.2.156.3005.2.",
            "certificate-holder/ab",
            "realty/",
            "realty/unit/410202",
            "realty/holder/ab",
            "trace/batch/",
            "trace/batch/93411282MA7H80041B",
            "trace/event/93411282MA7H80041B/u",
        ] {
            assert!(!is_listed(kept), "{kept}");
        }
    }
}
