//! Chinese texts of `realty …`.

/// A registration and the arguments that all of them have.
macro_rules! texts {
    ($(($name:literal, $about:literal),)* others: $($other:expr,)*) => {
        &[
            $(
                (concat!("realty ", $name), $about),
                (concat!("realty ", $name, ".file"), "登记内容，JSON 文件；- 表示标准输入"),
                (concat!("realty ", $name, ".key"), "加密的密钥文件"),
                (
                    concat!("realty ", $name, ".password_file"),
                    "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入",
                ),
                (concat!("realty ", $name, ".chain_id"), "为哪条链签名；默认以节点所述为准"),
            )*
            $($other,)*
        ]
    };
}

/// Commands and arguments.
pub(super) const ZH: &[(&str, &str)] = texts! {
    ("register", "首次登记：宗地，或已登记宗地上的定着物"),
    ("transfer", "转移登记；抵押权与用益物权随之转移"),
    ("change", "变更登记：用途或自然状况"),
    ("cancel", "注销登记：权利永久消灭"),
    ("correct", "更正登记；被更正的条目仍可查阅"),
    ("mortgage", "抵押权登记；顺位以登记先后为准"),
    ("release", "注销抵押、预告、异议或用益物权"),
    ("seal", "查封登记，用法院的密钥；已有查封时轮候"),
    ("unseal", "解除查封，用作出查封的法院的密钥"),
    ("notice", "预告登记"),
    ("objection", "异议登记；十五日内未起诉即失效"),
    ("interest", "居住权、地役权登记"),
    ("progress", "登记异议已起诉，或预告登记自何时起可办理"),
    others:
    ("realty", "不动产登记：登记、查封、查询"),
    ("realty show", "显示节点所述的权利人与负担"),
    ("realty show.unit", "不动产单元代码，28 位"),
    ("realty title", "按条目显示节点所述的权属沿革"),
    ("realty title.unit", "不动产单元代码，28 位"),
    ("realty title.after", "从此条目之后开始"),
    ("realty title.most", "最多显示的条目数"),
    ("realty held", "列出节点所述某承诺名下的不动产单元"),
    ("realty held.holder", "承诺，64 位十六进制"),
    ("realty held.after", "从此单元之后开始"),
    ("realty held.most", "最多列出的单元数"),
};

/// What stands between the arguments and the examples.
pub(super) const NOTES_ZH: (&str, &str) = (
    "realty register",
    "文件中凡需承诺之处，可写 {\"commit\": \"原件\"}：原件不离开本机，其开示信息保存为\n原件.hncommitment.json，再次使用时沿用同一承诺。",
);
