//! 营业执照 and 食品经营许可证 of 郑州: most stay valid, some are changed, suspended, revoked or cancelled.

use super::{Step, chance, commitment};
use crate::offices::{BUSINESS_LICENCE, FOOD_LICENCE, OFFICES};
use hnchain_types::codes::CertificateId;
use hnchain_types::proto::{self, credential_operation::Kind};

const ISSUER: usize = 0;
/// Offices issue for a county of 郑州.
const COUNTIES: [&str; 4] = ["410102", "410103", "410104", "410105"];

pub(super) fn history(seed: u64, i: u64) -> Vec<Step> {
    let (Some(first), Some(second)) = (id(seed, i, 1), id(seed, i, 2)) else { return Vec::new() };
    let issue = proto::IssueCredential {
        id: first.clone(),
        division: COUNTIES[usize::try_from(chance(seed, "county", i, 4)).unwrap_or(0)].to_owned(),
        content: Some(content(seed, i, 1)),
    };
    let mut steps = vec![step(&first, Kind::Issue(issue))];
    let reason = |text: &str| text.to_owned();
    match chance(seed, "fate", i, 20) {
        0 | 1 => {
            let change =
                proto::ChangeCredential { previous: first, id: second.clone(), content: Some(content(seed, i, 2)) };
            steps.push(step(&second, Kind::Change(change)));
        }
        2 => {
            let suspend = proto::SuspendCredential { id: first.clone(), reason: reason("示例：逾期未年报") };
            steps.push(step(&first, Kind::Suspend(suspend)));
            steps.push(step(&first, Kind::Resume(proto::ResumeCredential { id: first.clone() })));
        }
        3 => {
            let revoke = proto::RevokeCredential { id: first.clone(), reason: reason("示例：违法经营") };
            steps.push(step(&first, Kind::Revoke(revoke)));
        }
        4 => {
            let cancel = proto::CancelCredential { id: first.clone(), reason: reason("示例：歇业") };
            steps.push(step(&first, Kind::Cancel(cancel)));
        }
        _ => {}
    }
    steps
}

fn id(seed: u64, i: u64, version: u16) -> Option<String> {
    let kind = if chance(seed, "type", i, 3) == 0 { FOOD_LICENCE } else { BUSINESS_LICENCE };
    let serial = format!("W{seed:04}N{i:010}");
    CertificateId::from_parts(kind, OFFICES[ISSUER].credit_code, &serial, version).ok().map(|id| id.to_string())
}

fn content(seed: u64, i: u64, version: u64) -> proto::CredentialContent {
    proto::CredentialContent {
        valid_from_ms: 1_700_000_000_000,
        valid_until_ms: 0,
        holder: commitment(seed, "holder", i),
        fields_root: commitment(seed, "fields", i * 10 + version),
        fields_count: 9,
    }
}

fn step(id: &str, kind: Kind) -> Step {
    Step {
        office: OFFICES[ISSUER].id,
        operation: proto::operation::Kind::Credential(proto::CredentialOperation { kind: Some(kind) }),
        row: format!("certificate/{id}"),
    }
}
