//! Chinese texts of `certificate …`.

/// The path of a command, or `path.argument`.
pub(super) const ZH: &[(&str, &str)] = &[
    ("certificate", "电子证照：颁发、变更、暂扣、恢复、吊销、注销、查询"),
    ("certificate issue", "按 JSON 文件颁发证照的首个版本；只发送承诺"),
    ("certificate issue.file", "证照内容（JSON）；其中的值不离开本机；- 表示标准输入"),
    ("certificate issue.holder_of", "同一持证主体另一证照的开示文件：两份证照使用同一持证主体承诺"),
    ("certificate issue.key", KEY),
    ("certificate issue.password_file", PASSWORD),
    ("certificate issue.chain_id", CHAIN),
    ("certificate issue.opening_out", OPENING),
    ("certificate change", "颁发证照的下一版本（变更、换发、延续），取代原版本"),
    ("certificate change.file", "证照内容（JSON）；其中的值不离开本机；- 表示标准输入"),
    ("certificate change.holder_of", "同一持证主体另一证照的开示文件：两份证照使用同一持证主体承诺"),
    ("certificate change.key", KEY),
    ("certificate change.password_file", PASSWORD),
    ("certificate change.chain_id", CHAIN),
    ("certificate change.opening_out", OPENING),
    ("certificate suspend", "暂扣证照"),
    ("certificate suspend.id", ID),
    ("certificate suspend.reason", REASON),
    ("certificate suspend.key", KEY),
    ("certificate suspend.password_file", PASSWORD),
    ("certificate suspend.chain_id", CHAIN),
    ("certificate resume", "恢复被暂扣的证照"),
    ("certificate resume.id", ID),
    ("certificate resume.key", KEY),
    ("certificate resume.password_file", PASSWORD),
    ("certificate resume.chain_id", CHAIN),
    ("certificate revoke", "吊销证照，不可恢复"),
    ("certificate revoke.id", ID),
    ("certificate revoke.reason", REASON),
    ("certificate revoke.key", KEY),
    ("certificate revoke.password_file", PASSWORD),
    ("certificate revoke.chain_id", CHAIN),
    ("certificate cancel", "注销证照，不可恢复"),
    ("certificate cancel.id", ID),
    ("certificate cancel.reason", REASON),
    ("certificate cancel.key", KEY),
    ("certificate cancel.password_file", PASSWORD),
    ("certificate cancel.chain_id", CHAIN),
    ("certificate show", "显示节点所述的证照（未经证明）"),
    ("certificate show.id", ID),
    ("certificate history", "列出证照及其先前版本的变动，新的在前"),
    ("certificate history.id", ID),
    ("certificate history.most", "最多显示几行，至多 100"),
    ("certificate of-holder", "按开示文件所载的持证主体承诺列出其证照"),
    ("certificate of-holder.holder", "持证主体的承诺，64 位十六进制"),
    ("certificate of-holder.after", "从此证照之后开始"),
    ("certificate of-holder.most", "最多显示几份，至多 256"),
];

/// What stands between the arguments and the examples.
pub(super) const NOTES_ZH: &[(&str, &str)] = &[
    (
        "certificate issue",
        "DOCUMENT 为 {\"id\", \"division\", \"valid_from\", \"valid_until\", \"holder\": {…}, \"fields\": {…}}。\n日期写作 2026-01-01（北京时间）或毫秒数；valid_until 为“长期”或不写表示长期有效；\nholder 与 fields 为名称与文本，加盐后计算承诺。盐与值在提交之前写入开示文件：\n请妥善保管，遗失后无法找回。",
    ),
    ("certificate change", "DOCUMENT 与 certificate issue 相同，但不含 division；id 的版本号为下一版本。"),
    ("certificate history", "每一行都载有其前一行的哈希，节点无法漏列最新一行之前的任何一行。"),
];

const ID: &str = "电子证照标识";
const KEY: &str = "加密的密钥文件";
const PASSWORD: &str = "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入";
const CHAIN: &str = "为哪条链签名；默认以节点所述为准";
const REASON: &str = "原因；公开可见，至多 256 字节，不得含个人信息";
const OPENING: &str = "盐与值的新文件；默认 DOCUMENT.hnfields.json，自 002 版起为 DOCUMENT.vN.hnfields.json";
