//! Who is on a local network: organizations, validators' operators and applications. Names of offices are plausible,
//! their codes invented with valid check digits.

use crate::offices::{OFFICES, Office, certificate_types};
use crate::samples::Kind;
use hnchain_crypto::{PublicKey, SecretKey, sm3};
use hnchain_types::DecodeError;
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};

/// The province and its city platforms: id, name, 统一社会信用代码, division. They operate the validators, in this order.
pub const OPERATORS: [(&str, &str, &str, &str); 19] = [
    ("henan", "河南省数据局", "11410000MB7H00017X", "410000"),
    ("zhengzhou", "郑州市数据局", "11410100MB7H00025X", "410100"),
    ("kaifeng", "开封市数据局", "11410200MB7H00033X", "410200"),
    ("pingdingshan", "平顶山市数据局", "11410400MB7H0005XT", "410400"),
    ("luoyang", "洛阳市数据局", "11410300MB7H00041X", "410300"),
    ("anyang", "安阳市数据局", "11410500MB7H000680", "410500"),
    ("hebi", "鹤壁市数据局", "11410600MB7H000760", "410600"),
    ("xinxiang", "新乡市数据局", "11410700MB7H000840", "410700"),
    ("jiaozuo", "焦作市数据局", "11410800MB7H000920", "410800"),
    ("puyang", "濮阳市数据局", "11410900MB7H00105T", "410900"),
    ("xuchang", "许昌市数据局", "11411000MB7H00113K", "411000"),
    ("luohe", "漯河市数据局", "11411100MB7H00121K", "411100"),
    ("sanmenxia", "三门峡市数据局", "11411200MB7H0013XG", "411200"),
    ("nanyang", "南阳市数据局", "11411300MB7H00148M", "411300"),
    ("shangqiu", "商丘市数据局", "11411400MB7H00156M", "411400"),
    ("xinyang", "信阳市数据局", "11411500MB7H00164M", "411500"),
    ("zhoukou", "周口市数据局", "11411600MB7H00172M", "411600"),
    ("zhumadian", "驻马店市数据局", "11411700MB7H00180M", "411700"),
    ("jiyuan", "济源示范区数据局", "11419001MB7H001990", "419001"),
];

/// An application with a key of its own and the one namespace that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Application {
    /// Organization id, also the client's name.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// 统一社会信用代码.
    pub credit_code: &'static str,
    /// Division.
    pub division: &'static str,
    /// Organization above it.
    pub parent: &'static str,
    /// What it writes.
    pub kind: Kind,
}

/// The applications of a local network.
pub const APPLICATIONS: [Application; 3] = [
    Application {
        id: "henan-certificates",
        name: "河南省电子证照平台",
        credit_code: "11410000MB7H90016G",
        division: "410000",
        parent: "henan",
        kind: Kind::Certificate,
    },
    Application {
        id: "zhengzhou-realty",
        name: "郑州市不动产登记中心",
        credit_code: "12410100MB7H90024D",
        division: "410100",
        parent: "zhengzhou",
        kind: Kind::Realty,
    },
    Application {
        id: "henan-trace",
        name: "河南省农产品质量安全追溯平台",
        credit_code: "12410000MB7H900323",
        division: "410000",
        parent: "henan",
        kind: Kind::Trace,
    },
];

/// Makes the genesis: node `i` belongs to operator `i` (modulo 19), and the last `observers` of them do not vote yet;
/// `clients` are the keys of [`APPLICATIONS`], then of [`OFFICES`]. Each node's organization has an
/// [administrator] with a key of its own, because a key has one of the duties validator, auditor and administrator.
///
/// # Errors
/// A parameter out of range, or no validator.
pub fn genesis(
    chain_id: &str,
    time_ms: u64,
    parameters: Parameters,
    nodes: &[SecretKey],
    observers: usize,
    clients: &[PublicKey],
) -> Result<Genesis, DecodeError> {
    let operators = OPERATORS.iter().cycle().zip(nodes);
    let validators = nodes.len().saturating_sub(observers);
    let administrators =
        operators.clone().map(|((id, ..), key)| member(id, administrator(key).public_key(), Role::Administrator {}));
    let observers =
        operators.clone().skip(validators).map(|((id, ..), key)| member(id, key.public_key(), Role::Observer {}));
    let applications = APPLICATIONS.iter().zip(clients).map(|(a, key)| signer(a, *key));
    let offices = OFFICES.iter().zip(clients.iter().skip(APPLICATIONS.len())).map(|(o, key)| o.signer(*key));
    Genesis::create(&Document {
        version: 1,
        chain_id: chain_id.to_owned(),
        name: "河南链测试网络".to_owned(),
        time_ms,
        parameters,
        organizations: organizations(),
        certificate_types: certificate_types(),
        signers: applications.chain(offices).chain(administrators).chain(observers).collect(),
        validators: operators.take(validators).map(|((id, ..), key)| Validator::new(chain_id, id, key)).collect(),
    })
}

fn organizations() -> Vec<Organization> {
    let operators = OPERATORS.iter().map(|(id, name, code, division)| Organization {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        credit_code: (*code).to_owned(),
        division: (*division).to_owned(),
        parent: (*id != "henan").then(|| "henan".to_owned()),
    });
    let applications = APPLICATIONS.iter().map(|a| Organization {
        id: a.id.to_owned(),
        name: a.name.to_owned(),
        credit_code: a.credit_code.to_owned(),
        division: a.division.to_owned(),
        parent: Some(a.parent.to_owned()),
    });
    operators.chain(applications).chain(OFFICES.iter().map(Office::organization)).collect()
}

fn signer(application: &Application, public_key: PublicKey) -> Signer {
    Signer {
        public_key,
        organization: application.id.to_owned(),
        roles: vec![Role::RegistryWriter { namespace: application.kind.namespace().to_owned() }],
        valid_from_ms: 0,
        valid_until_ms: 0,
    }
}

/// The key of the administrator of a node's organization. On a test network it follows from the node's key, so that
/// whoever has that can act for both; elsewhere the two belong to different people.
#[must_use]
pub fn administrator(node: &SecretKey) -> SecretKey {
    let mut seed = sm3(&[b"administrator of ".as_slice(), node.to_bytes().as_slice()].concat());
    loop {
        // One in 2^32 hashes is out of range.
        if let Ok(key) = SecretKey::from_bytes(&seed.0) {
            return key;
        }
        seed = sm3(&seed.0);
    }
}

fn member(organization: &str, public_key: PublicKey, role: Role) -> Signer {
    Signer { public_key, organization: organization.to_owned(), roles: vec![role], valid_from_ms: 0, valid_until_ms: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_holds_operators_applications_and_their_roles() {
        let keys: Vec<_> = (0..4).map(|_| SecretKey::generate().expect("entropy")).collect();
        let clients: Vec<_> = (0..3).map(|_| SecretKey::generate().expect("entropy").public_key()).collect();
        let genesis = genesis("henan-test", 1, Parameters::default(), &keys, 0, &clients).expect("sound");
        let document = genesis.document();
        assert_eq!(document.organizations.len(), OPERATORS.len() + APPLICATIONS.len() + OFFICES.len());
        assert_eq!(document.signers.len(), 3 + 4, "applications and administrators");
        assert_eq!(genesis.validators().quorum(), 3);
        let operators: Vec<_> = document.validators.iter().map(|v| v.organization.as_str()).collect();
        assert_eq!(operators, ["henan", "zhengzhou", "kaifeng", "pingdingshan"]);
    }
}
