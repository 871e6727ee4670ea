//! 灵宝苹果 from the orchard to a shop, and a recall that reaches every box.

use super::{Ending, Story, commitment, step};
use crate::worlds::trace::{act, id, key, kg};
use hnchain_types::proto::trace_step::Act;
use hnchain_types::proto::{self, operation::Kind, trace_operation};

const ORCHARD: &str = "lingbao-orchard";
const AGENCY: &str = "sanmenxia-inspection";
const BUREAU: &str = "sanmenxia-agriculture";
const SHOP: &str = "zhengzhou-shop";

pub(super) fn story() -> Story {
    let (sprayed, batch) = (id("LB-2026-0901"), id("LB-2026-0902"));
    let (first, second) = (id("LB-2026-0902-A"), id("LB-2026-0902-B"));
    let do_ = |office, what, batch: &proto::TraceBatchId, a| step(office, what, act(batch, a));
    let steps = vec![
        do_(ORCHARD, ("建立批次：东坡果园", "makes a batch: the eastern orchard"), &sprayed, commission()),
        do_(
            ORCHARD,
            ("施用农药，安全间隔期 7 天", "uses a pesticide with a safety interval of 7 days"),
            &sprayed,
            spray(),
        ),
        do_(ORCHARD, ("间隔期内采收", "harvests within the interval"), &sprayed, harvest(400))
            .refused("TRACE_SAFETY_INTERVAL"),
        do_(ORCHARD, ("建立批次：西坡果园", "makes a batch: the western orchard"), &batch, commission()),
        do_(ORCHARD, ("采收 500 千克", "harvests 500 kg"), &batch, harvest(500)),
        do_(
            AGENCY,
            ("检测合格", "finds it in order"),
            &batch,
            Act::Inspect(proto::TraceInspect { passed: true, report: commitment("检测报告") }),
        ),
        do_(
            ORCHARD,
            ("开具承诺达标合格证", "certifies it"),
            &batch,
            Act::Certify(proto::TraceCertify { certificate: commitment("合格证") }),
        ),
        step(ORCHARD, ("分装 600 千克", "packs 600 kg into boxes"), split(&batch, &[(&first, 300), (&second, 300)]))
            .refused("TRACE_QUANTITY"),
        step(ORCHARD, ("分装为两批", "packs it into two lots"), split(&batch, &[(&first, 300), (&second, 200)])),
        do_(
            ORCHARD,
            ("发往郑州鲜果店", "ships the first lot to a shop"),
            &first,
            Act::Ship(proto::TraceShip { to: SHOP.to_owned() }),
        ),
        do_(
            SHOP,
            ("收货", "receives it"),
            &first,
            Act::Receive(proto::TraceReceive { place: Some(place("鲜果店", "410102")) }),
        ),
        do_(SHOP, ("售出 100 千克", "sells 100 kg"), &first, sell(100)),
        do_(
            BUREAU,
            ("召回西坡果园的批次", "recalls the batch of the western orchard"),
            &batch,
            Act::Recall(proto::TraceRecall { reason: "农药残留超标".to_owned() }),
        ),
        do_(SHOP, ("召回后继续销售", "goes on selling"), &first, sell(50)).refused("TRACE_RECALLED"),
        do_(
            ORCHARD,
            ("召回后发出另一批", "ships the second lot"),
            &second,
            Act::Ship(proto::TraceShip { to: SHOP.to_owned() }),
        )
        .refused("TRACE_RECALLED"),
        do_(
            ORCHARD,
            ("销毁另一批", "destroys the second lot"),
            &second,
            Act::Destroy(proto::TraceDestroy { reason: "召回".to_owned() }),
        ),
    ];
    let ending = |id: &proto::TraceBatchId, pointer, value: Option<&str>, what| Ending {
        row: key(id),
        pointer,
        value: value.map(str::to_owned),
        what,
    };
    Story {
        title: ("灵宝苹果", "Apples from 灵宝"),
        steps,
        endings: vec![
            ending(&batch, "/recalled/height", None, ("源头批次已召回", "the batch of the orchard is recalled")),
            ending(&second, "/state", Some("destroyed"), ("另一批已销毁", "the second lot is destroyed")),
        ],
    }
}

fn place(what: &str, division: &str) -> proto::TracePlace {
    proto::TracePlace { division: division.to_owned(), commitment: commitment(what) }
}

fn commission() -> Act {
    Act::Commission(proto::TraceCommission {
        product: "灵宝苹果".to_owned(),
        quantity: Some(kg(600)),
        place: Some(place("果园", "411282")),
        growing: true,
    })
}

fn spray() -> Act {
    Act::Input(proto::TraceInput {
        kind: proto::TraceInputKind::Pesticide.into(),
        product: "示例登记证 PD00000000".to_owned(),
        safety_days: 7,
    })
}

fn harvest(kilograms: u64) -> Act {
    Act::Harvest(proto::TraceHarvest { quantity: Some(kg(kilograms)) })
}

fn sell(kilograms: u64) -> Act {
    Act::Sell(proto::TraceSell { quantity: Some(kg(kilograms)) })
}

fn split(batch: &proto::TraceBatchId, parts: &[(&proto::TraceBatchId, u64)]) -> Kind {
    let taken = parts.iter().map(|(_, n)| n).sum();
    let part = |(batch, n): &(&proto::TraceBatchId, u64)| proto::TracePart {
        batch: Some((*batch).clone()),
        quantity: Some(kg(*n)),
    };
    let split = proto::TraceSplit {
        batch: Some(batch.clone()),
        taken: Some(kg(taken)),
        loss: Some(kg(0)),
        parts: parts.iter().map(part).collect(),
    };
    Kind::Trace(proto::TraceOperation { kind: Some(trace_operation::Kind::Split(split)) })
}
