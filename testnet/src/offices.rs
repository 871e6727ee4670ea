//! Offices and firms whose registries have rules of their own. Names are invented; codes have valid check digits.

use hnchain_crypto::PublicKey;
use hnchain_types::codes::Division;
use hnchain_types::genesis::{CertificateType, Organization, Registry, Role, Signer};

/// An office or firm with a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Office {
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
    /// What it may write.
    pub duties: &'static [Duty],
}

/// What an office may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// A registry: all of it or one subject, in the office's division or everywhere.
    Register {
        /// The registry.
        registry: Registry,
        /// One subject of it; `None` for all.
        subject: Option<&'static str>,
        /// Wherever it is.
        everywhere: bool,
    },
    /// Seals.
    Judge,
}

const fn trace(subject: &'static str, everywhere: bool) -> Duty {
    Duty::Register { registry: Registry::Trace, subject: Some(subject), everywhere }
}

/// Type code of 营业执照 in the samples.
pub const BUSINESS_LICENCE: &str = "11100000000013338W001";
/// Type code of 食品经营许可证 in the samples.
pub const FOOD_LICENCE: &str = "11100000000013338W030";

/// Types of 电子证照 of a local network.
#[must_use]
pub fn certificate_types() -> Vec<CertificateType> {
    [(BUSINESS_LICENCE, "营业执照"), (FOOD_LICENCE, "食品经营许可证")]
        .map(|(code, name)| CertificateType { code: code.to_owned(), name: name.to_owned() })
        .to_vec()
}

/// Offices and firms of a local network.
pub const OFFICES: [Office; 8] = [
    Office {
        id: "zhengzhou-market",
        name: "郑州市示例市场监督管理局",
        credit_code: "11410100MB7H80010B",
        division: "410100",
        parent: "zhengzhou",
        duties: &[Duty::Register { registry: Registry::Certificate, subject: None, everywhere: false }],
    },
    Office {
        id: "kaifeng-realty",
        name: "开封市示例不动产登记中心",
        credit_code: "12410200MB7H80029A",
        division: "410200",
        parent: "kaifeng",
        duties: &[Duty::Register { registry: Registry::Realty, subject: None, everywhere: false }],
    },
    Office {
        id: "kaifeng-court",
        name: "开封市示例人民法院",
        credit_code: "11410200MB7H800378",
        division: "410200",
        parent: "henan",
        duties: &[Duty::Judge],
    },
    Office {
        id: "lingbao-orchard",
        name: "灵宝示例苹果专业合作社",
        credit_code: "93411282MA7H80041B",
        division: "411282",
        parent: "henan",
        duties: &[trace("producer", false), trace("carrier", false)],
    },
    Office {
        id: "sanmenxia-inspection",
        name: "三门峡市示例农产品检测中心",
        credit_code: "12411200MB7H800537",
        division: "411200",
        parent: "henan",
        duties: &[trace("inspection", false)],
    },
    Office {
        id: "sanmenxia-agriculture",
        name: "三门峡市示例农业农村局",
        credit_code: "11411200MB7H800615",
        division: "411200",
        parent: "henan",
        duties: &[trace("recall", false)],
    },
    Office {
        id: "zhongyuan-logistics",
        name: "中原示例物流有限公司",
        credit_code: "91410100MA7H80076R",
        division: "410100",
        parent: "henan",
        duties: &[trace("carrier", true)],
    },
    Office {
        id: "zhengzhou-shop",
        name: "郑州示例鲜果店",
        credit_code: "91410102MA7H80084H",
        division: "410102",
        parent: "henan",
        duties: &[trace("seller", true)],
    },
];

impl Office {
    /// As an organization of the genesis.
    #[must_use]
    pub fn organization(&self) -> Organization {
        Organization {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            credit_code: self.credit_code.to_owned(),
            division: self.division.to_owned(),
            parent: Some(self.parent.to_owned()),
        }
    }

    /// What its signer may do. A division that does not read gives no role: a test keeps them sound.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let Ok(division) = self.division.parse::<Division>() else { return Vec::new() };
        let role = |duty: &Duty| match *duty {
            Duty::Register { registry, subject, everywhere } => Role::Registrar {
                registry,
                subject: subject.map(str::to_owned),
                division: (!everywhere).then_some(division),
            },
            Duty::Judge => Role::Court { division: Some(division) },
        };
        self.duties.iter().map(role).collect()
    }

    /// As a signer of the genesis.
    #[must_use]
    pub fn signer(&self, public_key: PublicKey) -> Signer {
        Signer {
            public_key,
            organization: self.id.to_owned(),
            roles: self.roles(),
            valid_from_ms: 0,
            valid_until_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hnchain_types::codes::CreditCode;

    #[test]
    fn codes_of_offices_are_sound() {
        for office in OFFICES {
            assert!(office.division.parse::<Division>().is_ok(), "{}", office.id);
            assert!(office.credit_code.parse::<CreditCode>().is_ok(), "{}", office.id);
        }
    }
}
