//! A noodle shop's 营业执照, from its issue to its revocation.

use super::{Ending, Step, Story, commitment, step};
use crate::offices::BUSINESS_LICENCE;
use hnchain_types::codes::CertificateId;
use hnchain_types::proto::{self, credential_operation::Kind, operation};

const OFFICE: &str = "zhengzhou-market";
const CODE: &str = "11410100MB7H80010B";

pub(super) fn story() -> anyhow::Result<Story> {
    let [first, second, elsewhere] = [("20260000001", 1), ("20260000001", 2), ("20260000002", 1)]
        .map(|(serial, version)| CertificateId::from_parts(BUSINESS_LICENCE, CODE, serial, version));
    let (first, second, elsewhere) = (first?.to_string(), second?.to_string(), elsewhere?.to_string());
    let reason = |text: &str| text.to_owned();
    let suspend =
        |id: &str| Kind::Suspend(proto::SuspendCredential { id: id.to_owned(), reason: reason("逾期未年报") });
    let steps = vec![
        of(("签发示例面馆的营业执照", "issues the licence of a noodle shop"), issue(&first, "410102")),
        of(("为开封的店签发", "issues one for a shop in 开封"), issue(&elsewhere, "410202")).refused("ROLE_MISSING"),
        of(
            ("变更经营场所：换发第 002 版", "the shop moves: version 002 takes its place"),
            Kind::Change(proto::ChangeCredential {
                previous: first.clone(),
                id: second.clone(),
                content: Some(content("面馆 002")),
            }),
        ),
        of(("暂停已换发的旧版", "suspends the old version"), suspend(&first)).refused("CREDENTIAL_FINAL"),
        of(("暂扣新版", "suspends the new version"), suspend(&second)),
        of(("恢复", "resumes it"), Kind::Resume(proto::ResumeCredential { id: second.clone() })),
        of(
            ("吊销", "revokes it"),
            Kind::Revoke(proto::RevokeCredential { id: second.clone(), reason: reason("使用虚假材料") }),
        ),
        of(
            ("恢复已吊销的执照", "resumes the revoked licence"),
            Kind::Resume(proto::ResumeCredential { id: second.clone() }),
        )
        .refused("CREDENTIAL_FINAL"),
    ];
    let ending = |id: &str, value: &str, what| Ending {
        row: format!("certificate/{id}"),
        pointer: "/state",
        value: Some(value.to_owned()),
        what,
    };
    Ok(Story {
        title: ("一家面馆的营业执照", "A noodle shop's licence"),
        steps,
        endings: vec![
            ending(&first, "superseded", ("第 001 版已被变更", "version 001 is superseded")),
            ending(&second, "revoked", ("第 002 版已吊销", "version 002 is revoked")),
        ],
    })
}

const fn of(what: (&'static str, &'static str), kind: Kind) -> Step {
    step(OFFICE, what, operation::Kind::Credential(proto::CredentialOperation { kind: Some(kind) }))
}

fn issue(id: &str, division: &str) -> Kind {
    Kind::Issue(proto::IssueCredential {
        id: id.to_owned(),
        division: division.to_owned(),
        content: Some(content("面馆 001")),
    })
}

fn content(what: &str) -> proto::CredentialContent {
    proto::CredentialContent {
        valid_from_ms: 1_700_000_000_000,
        valid_until_ms: 0,
        holder: commitment("面馆"),
        fields_root: commitment(what),
        fields_count: 9,
    }
}
