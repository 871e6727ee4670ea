//! Parcels of 开封: registered first, some mortgaged, some sold, some with the mortgage following.

use super::{Step, chance, commitment};
use crate::offices::OFFICES;
use hnchain_types::proto::{self, realty_operation::Kind};

const REGISTRY: usize = 1;

pub(super) fn history(seed: u64, i: u64) -> Vec<Step> {
    // 地籍区, 地籍子区 and 宗地顺序号 count up: up to 99 999 parcels in each of 999 × 999 sub-areas.
    let (area, number) = (i / 99_999 + 1, i % 99_999 + 1);
    let (district, sub) = (area / 999 + 1, area % 999 + 1);
    let unit = format!("410202{district:03}{sub:03}GB{number:05}W00000000");
    let serial = i + 1;
    let certificate = |n: u64| format!("豫({})开封市不动产权第{serial:07}号", 2020 + n);
    let (owner, buyer) = (commitment(seed, "owner", i), commitment(seed, "buyer", i));
    let document = |n: u64| commitment(seed, "document", i * 10 + n);
    let step = |kind| Step {
        office: OFFICES[REGISTRY].id,
        operation: proto::operation::Kind::Realty(proto::RealtyOperation { kind: Some(kind) }),
        row: format!("realty/unit/{unit}"),
    };
    let mut steps = vec![step(Kind::Register(proto::RealtyRegister {
        unit: unit.clone(),
        right: proto::RealtyRight::StateConstruction.into(),
        title: Some(sole(owner.clone())),
        r#use: "城镇住宅用地".to_owned(),
        document: document(1),
        certificate: certificate(1),
    }))];
    let fate = chance(seed, "fate", i, 10);
    if fate < 4 {
        steps.push(step(Kind::Mortgage(proto::RealtyMortgage {
            unit: unit.clone(),
            mortgagee: commitment(seed, "bank", i % 7),
            transfer_forbidden: false,
            consents: vec![owner.clone()],
            document: document(2),
            certificate: format!("豫(2022)开封市不动产证明第{serial:07}号"),
        })));
    }
    if fate < 2 {
        steps.push(step(Kind::Transfer(proto::RealtyTransfer {
            unit: unit.clone(),
            from: vec![owner.clone()],
            title: Some(sole(buyer)),
            consents: vec![owner],
            document: document(3),
            certificate: certificate(3),
        })));
    }
    steps
}

/// One holder. In sole ownership no share is given.
pub(crate) fn sole(holder: Vec<u8>) -> proto::RealtyTitle {
    proto::RealtyTitle {
        co_ownership: proto::RealtyCoOwnership::Sole.into(),
        holders: vec![proto::RealtyHolder { commitment: holder, numerator: 0, denominator: 0 }],
        all_must_agree: false,
    }
}
