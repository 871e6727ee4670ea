//! A flat in 开封: first registered, mortgaged, sealed, unsealed, sold. The sale during the seal is refused.

use super::{Ending, Step, Story, commitment, step};
use crate::worlds::realty::sole;
use hnchain_types::proto::{self, operation, realty_operation::Kind};

const OFFICE: &str = "kaifeng-realty";
const COURT: &str = "kaifeng-court";
const PARCEL: &str = "410202001001GB00001W00000000";
const FLAT: &str = "410202001001GB00001F00010001";
/// Three years, the longest term of a seal (民事诉讼法司法解释 第 485 条).
const SEAL_MS: u64 = 3 * 365 * 24 * 3_600_000;

pub(super) fn story() -> Story {
    let steps = vec![
        of(
            ("首次登记宗地", "registers the parcel"),
            register(PARCEL, proto::RealtyRight::StateConstruction, "开发公司", 1),
        ),
        of(("首次登记一套住房", "registers the flat on it"), register(FLAT, proto::RealtyRight::Building, "业主甲", 2)),
        of(("再次首次登记", "registers it once more"), register(FLAT, proto::RealtyRight::Building, "业主乙", 3))
            .refused("REALTY_UNIT_EXISTS"),
        of(("抵押给银行", "the flat is mortgaged"), mortgage()),
        court(
            ("查封", "seals it"),
            Kind::Seal(proto::RealtySeal { unit: unit(), term_ms: SEAL_MS, document: commitment("裁定") }),
        ),
        of(("查封期间转移登记", "registers a sale during the seal"), transfer("业主甲", "业主乙", 4))
            .refused("REALTY_SEALED"),
        of(
            ("登记机构解除查封", "lifts the court's seal itself"),
            Kind::Unseal(proto::RealtyUnseal { unit: unit(), burden: 3, document: commitment("自行解封") }),
        )
        .refused("ROLE_MISSING"),
        court(
            ("解除查封", "lifts the seal"),
            Kind::Unseal(proto::RealtyUnseal { unit: unit(), burden: 3, document: commitment("解封裁定") }),
        ),
        of(("非权利人出卖", "registers a sale by somebody else"), transfer("业主丙", "业主乙", 5))
            .refused("REALTY_HOLDERS_DIFFER"),
        of(("转移登记，抵押权随之转移", "registers the sale; the mortgage follows"), transfer("业主甲", "业主乙", 6)),
        of(("一房二卖", "registers a second sale by the first owner"), transfer("业主甲", "业主丙", 7))
            .refused("REALTY_HOLDERS_DIFFER"),
    ];
    Story {
        title: ("开封的一套住房", "A flat in 开封"),
        steps,
        endings: vec![
            Ending {
                row: format!("realty/unit/{FLAT}"),
                pointer: "/title/holders/0/commitment",
                value: Some(hex::encode(commitment("业主乙"))),
                what: ("买受人持有", "the buyer holds it"),
            },
            Ending {
                row: format!("realty/unit/{FLAT}"),
                pointer: "/mortgages/0",
                value: None,
                what: ("抵押权仍在", "the mortgage is still on it"),
            },
        ],
    }
}

fn unit() -> String {
    FLAT.to_owned()
}

const fn of(what: (&'static str, &'static str), kind: Kind) -> Step {
    step(OFFICE, what, operation::Kind::Realty(proto::RealtyOperation { kind: Some(kind) }))
}

const fn court(what: (&'static str, &'static str), kind: Kind) -> Step {
    step(COURT, what, operation::Kind::Realty(proto::RealtyOperation { kind: Some(kind) }))
}

fn register(unit: &str, right: proto::RealtyRight, owner: &str, n: u32) -> Kind {
    Kind::Register(proto::RealtyRegister {
        unit: unit.to_owned(),
        right: right.into(),
        title: Some(sole(commitment(owner))),
        r#use: "住宅".to_owned(),
        document: commitment("申请材料"),
        certificate: number(n),
    })
}

fn mortgage() -> Kind {
    Kind::Mortgage(proto::RealtyMortgage {
        unit: unit(),
        mortgagee: commitment("银行"),
        transfer_forbidden: false,
        consents: vec![commitment("业主甲")],
        document: commitment("抵押合同"),
        certificate: "豫(2026)开封市不动产证明第0000001号".to_owned(),
    })
}

fn transfer(from: &str, to: &str, n: u32) -> Kind {
    Kind::Transfer(proto::RealtyTransfer {
        unit: unit(),
        from: vec![commitment(from)],
        title: Some(sole(commitment(to))),
        consents: vec![commitment(from)],
        document: commitment("买卖合同"),
        certificate: number(n),
    })
}

fn number(n: u32) -> String {
    format!("豫(2026)开封市不动产权第{n:07}号")
}
