//! The enumerations of 不动产登记, with their names in both languages.

use crate::codes::{Fixture, Ownership, UnitCode, Use};
use crate::{DecodeError, proto};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident of $proto:ident in $field:literal {
        $($(#[$vdoc:meta])* $variant:ident = $en:literal, $zh:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $en)] $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word in JSON, in English.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }

            /// Its name in Chinese.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// Reads the enum of the proto files.
            ///
            /// # Errors
            /// An unknown or unspecified value.
            pub fn read(value: i32) -> Result<Self, DecodeError> {
                match proto::$proto::try_from(value) {
                    $(Ok(proto::$proto::$variant) => Ok(Self::$variant),)*
                    _ => Err(DecodeError::field($field, "unknown value", "未知的取值")),
                }
            }

            /// The enum of the proto files.
            #[must_use]
            pub const fn to_proto(self) -> proto::$proto {
                match self { $(Self::$variant => proto::$proto::$variant,)* }
            }

            /// Its number in the proto files.
            #[must_use]
            pub const fn number(self) -> i32 {
                self.to_proto() as i32
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// 登记类型. (?) The numbers are those of public descriptions of 不动产登记数据库标准 (TD/T 1066); 900 is our reading.
    Registration of RealtyRegistration in "registration" {
        /// 100 首次登记.
        First = "first", "首次登记";
        /// 200 转移登记.
        Transfer = "transfer", "转移登记";
        /// 300 变更登记.
        Change = "change", "变更登记";
        /// 400 注销登记.
        Cancel = "cancel", "注销登记";
        /// 500 更正登记.
        Correct = "correct", "更正登记";
        /// 600 异议登记.
        Objection = "objection", "异议登记";
        /// 700 预告登记.
        Notice = "notice", "预告登记";
        /// 800 查封登记.
        Seal = "seal", "查封登记";
        /// 900 其他登记.
        Other = "other", "其他登记";
    }
}

impl Registration {
    /// Its three digits: the `subject` of a registrar's role.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::First => "100",
            Self::Transfer => "200",
            Self::Change => "300",
            Self::Cancel => "400",
            Self::Correct => "500",
            Self::Objection => "600",
            Self::Notice => "700",
            Self::Seal => "800",
            Self::Other => "900",
        }
    }
}

words! {
    /// 权利类型 (不动产登记暂行条例 第五条).
    Right of RealtyRight in "right" {
        /// 国有建设用地使用权.
        StateConstruction = "state_construction", "国有建设用地使用权";
        /// 房屋所有权.
        Building = "building", "房屋所有权";
        /// 宅基地使用权.
        Homestead = "homestead", "宅基地使用权";
        /// 集体建设用地使用权.
        CollectiveConstruction = "collective_construction", "集体建设用地使用权";
        /// 土地承包经营权.
        LandContract = "land_contract", "土地承包经营权";
        /// 林权.
        Forest = "forest", "林权";
        /// 海域使用权.
        SeaArea = "sea_area", "海域使用权";
        /// 抵押权.
        Mortgage = "mortgage", "抵押权";
        /// 居住权.
        Habitation = "habitation", "居住权";
        /// 地役权.
        Easement = "easement", "地役权";
    }
}

impl Right {
    /// Whether it is a right to a unit, not one on somebody else's.
    #[must_use]
    pub const fn is_title(self) -> bool {
        !matches!(self, Self::Mortgage | Self::Habitation | Self::Easement)
    }

    /// Whether the right can exist on a unit. (?) Our reading of the letters of GB/T 37346-2019: where they leave it open
    /// (使用权未确定, 其他, grassland, collective ownership), every right to a unit fits.
    #[must_use]
    pub fn fits(self, unit: &UnitCode) -> bool {
        match self {
            Self::Mortgage | Self::Easement => return true,
            // 民法典 第三百六十六条: 他人的住宅.
            Self::Habitation => return unit.fixture() == Fixture::Building,
            _ => {}
        }
        match unit.fixture() {
            Fixture::Building => self == Self::Building,
            Fixture::Trees => self == Self::Forest,
            Fixture::Other => true,
            Fixture::None => match (unit.right(), unit.ownership()) {
                (Use::Construction | Use::ConstructionAbove | Use::ConstructionBelow, Ownership::State) => {
                    self == Self::StateConstruction
                }
                (Use::Construction | Use::ConstructionAbove | Use::ConstructionBelow, Ownership::Collective) => {
                    self == Self::CollectiveConstruction
                }
                (Use::Homestead, _) => self == Self::Homestead,
                (Use::Farmland, _) => self == Self::LandContract,
                (Use::Forest, _) => self == Self::Forest,
                (Use::Sea | Use::Island, _) => self == Self::SeaArea,
                _ => self != Self::Building,
            },
        }
    }
}

words! {
    /// 共有方式 (民法典 第二百九十七条).
    CoOwnership of RealtyCoOwnership in "co_ownership" {
        /// 单独所有: one holder.
        Sole = "sole", "单独所有";
        /// 按份共有: fractions that sum to one.
        Shares = "shares", "按份共有";
        /// 共同共有: two or more without shares.
        Joint = "joint", "共同共有";
    }
}

words! {
    /// Whether a unit's right exists.
    UnitStatus of RealtyUnitStatus in "status" {
        /// It does.
        Registered = "registered", "现势";
        /// It was cancelled for good.
        Cancelled = "cancelled", "已注销";
    }
}

words! {
    /// What lies on a unit.
    BurdenKind of RealtyBurdenKind in "kind" {
        /// 抵押权.
        Mortgage = "mortgage", "抵押";
        /// 查封.
        Seal = "seal", "查封";
        /// 预告登记.
        Notice = "notice", "预告";
        /// 异议登记.
        Objection = "objection", "异议";
        /// 居住权, 地役权.
        Interest = "interest", "用益物权";
    }
}
