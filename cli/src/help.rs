//! Help: the examples, and the Chinese texts of every command and argument.

mod certificate;

use crate::args::Cli;
use crate::lang::Lang;
use clap::{Arg, ArgAction, Command, CommandFactory};

mod realty;

/// After the list of commands.
pub const EXAMPLES: &str = "\
Exit codes: 0 ok, 1 refused or invalid, 2 usage or unreadable file, 3 no node answered

Examples:
  hnchain keygen --out registrar.pem
  hnchain anchor licence.json --namespace certificate --id 1.2.156.3005.2.1 --key registrar.pem
  hnchain prove --namespace certificate --id 1.2.156.3005.2.1 -o licence.hnproof.json \\
      --opening licence.json.hnopening.json
  hnchain verify licence.hnproof.json --trust genesis.json --document licence.json";

/// After `genesis new`.
pub const SPECIFICATION: &str = r#"Specification (TOML; JSON has the same names; paths are relative to it):
  chain_id = "henan"
  name = "河南省主链"
  [parameters]                       # only what differs from the defaults
  heartbeat_ms = 10000
  [[organizations]]                  # parents before children
  id = "henan-data"
  name = "河南省行政审批和政务信息管理局"
  credit_code = "91410000170001401D"
  division = "410000"
  [[certificate_types]]              # types of 电子证照 that are issued on the chain
  code = "11100000000013338W011"
  name = "营业执照"
  [[signers]]
  public_key = "02…"                 # from `hnchain keygen` or `hnchain key show`
  organization = "henan-data"
  roles = [{ role = "registry_writer", namespace = "certificate" }]
  [[validators]]                     # its operator ran `hnchain genesis possession`
  possession_file = "zz.possession.json"
  [[validators]]                     # or a key on this machine, for test networks
  organization = "henan-data"
  key_file = "node0/key.pem"
  password_file = "node0/key.password"

Examples:
  hnchain genesis new henan.toml -o genesis.json"#;

/// Chinese texts: the path of a command, or `path.argument`.
const ZH: &[(&str, &str)] = &[
    ("", "河南链命令行：密钥、创世文件、存证、证明、核验、状态"),
    (".endpoints", "要访问的节点 http://主机:端口；可重复给出，一个失败时换下一个"),
    (".json", "输出完整的机器可读结果；错误以 JSON 写到标准错误"),
    (".lang", "文字的语言；默认随系统区域设置"),
    (".timeout", "等待节点和最终确认的时限：90s、10m"),
    ("keygen", "生成密钥，写入加密文件"),
    ("keygen.out", "新的密钥文件；绝不覆盖已有文件"),
    ("keygen.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("key", "查看密钥文件"),
    ("key show", "打开密钥文件，显示公钥"),
    ("key show.file", "加密的密钥文件"),
    ("key show.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("genesis", "制作与检查创世文件"),
    ("genesis new", "按规格（TOML 或 JSON）制作创世文件"),
    ("genesis new.spec", "规格文件，.toml 或 .json"),
    ("genesis new.out", "新的创世文件；绝不覆盖已有文件"),
    ("genesis possession", "证明持有验证节点密钥，使密钥无须离开其运营方"),
    ("genesis possession.chain_id", "将要建立的链的标识"),
    ("genesis possession.organization", "运营该验证节点的机构"),
    ("genesis possession.key", "加密的密钥文件"),
    ("genesis possession.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("genesis possession.out", "持钥证明的新文件；默认写到标准输出"),
    ("genesis show", "显示创世文件"),
    ("genesis show.file", "创世文件"),
    ("genesis check", "检查创世文件；给出摘要时一并核对"),
    ("genesis check.file", "创世文件"),
    ("genesis check.digest", "应有的摘要"),
    ("anchor", "为文件存证：加盐、计算承诺、等待最终确认"),
    ("anchor.file", "原件；不会离开本机；- 表示标准输入"),
    ("anchor.namespace", "登记类别，例如 certificate、realty、trace"),
    ("anchor.id", "类别内的标识"),
    ("anchor.record_version", "新记录为 1，否则为当前版本 + 1"),
    ("anchor.key", "加密的密钥文件"),
    ("anchor.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("anchor.chain_id", "为哪条链签名；默认以节点所述为准"),
    ("anchor.opening_out", "开示文件；默认 原件名.hnopening.json，第 2 版起为 原件名.vN.hnopening.json"),
    ("revoke", "撤销一条记录"),
    ("revoke.namespace", "登记类别，例如 certificate、realty、trace"),
    ("revoke.id", "类别内的标识"),
    ("revoke.reason", "原因；公开可见，至多 256 字节，不得含个人信息"),
    ("revoke.record_version", "当前版本 + 1；默认向节点查询"),
    ("revoke.key", "加密的密钥文件"),
    ("revoke.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("revoke.chain_id", "为哪条链签名；默认以节点所述为准"),
    ("get", "显示节点所述的记录（未经证明，参见 prove）"),
    ("get.namespace", "登记类别，例如 certificate、realty、trace"),
    ("get.id", "类别内的标识"),
    ("prove", "取得任何人都能离线核验的证明"),
    ("prove.namespace", "登记类别，例如 certificate、realty、trace"),
    ("prove.id", "类别内的标识"),
    ("prove.row", "改为证明任意一行，按其键：certificate/标识、realty/unit/单元代码、trace/batch/生产者/批次"),
    ("prove.out", "证明文件 *.hnproof.json，只替换已有的证明文件；默认写到标准输出"),
    ("prove.opening", "附上此开示文件，使证明也针对原件"),
    ("prove.trust", "写出之前先以此创世文件核验"),
    ("verify", "离线核验证明，除创世文件外不信任任何方"),
    ("verify.file", "证明文件 *.hnproof.json；- 表示标准输入"),
    ("verify.trust", "创世文件：唯一的信任依据"),
    ("verify.record", "证明若不是 类别/标识 这条记录的，即予拒绝"),
    ("verify.row", "若证明的不是这一行则拒绝，例如 certificate/标识"),
    ("verify.document", "核对此文件是否就是所登记的原件；- 表示标准输入"),
    ("verify.opening", "证明未附开示信息时，与 --document 一起使用的开示文件"),
    ("verify.max_age", "拒绝确认时间早于此时长的证明：10m、24h、7d"),
    ("verify.require_active", "记录不存在或已撤销时一律拒绝"),
    ("governance", "各机构共同决定的变更：提议、同意、查看"),
    ("governance propose", "提议一项变更；提议即代表本机构同意"),
    ("governance propose.join", "加入一个验证者：其运营方用 genesis possession 写出的文件；可重复"),
    ("governance propose.leave", "持此公钥的验证者退出；可重复"),
    ("governance propose.rotate", "验证者更换密钥：旧公钥、冒号、新密钥的持钥证明文件"),
    ("governance propose.appoint", "为公钥授予角色：其持有人用 genesis possession 写出的文件；已有角色的予以替换"),
    ("governance propose.roles", "--appoint 授予的角色：名称，或创世文件中的 JSON 对象；可重复"),
    ("governance propose.valid_from_ms", "所任命公钥可用的最早区块时间，1970 年起的毫秒数；0 为不限"),
    ("governance propose.valid_until_ms", "所任命公钥可用的最晚区块时间，1970 年起的毫秒数；0 为不限"),
    ("governance propose.rotate_signer", "签名者更换密钥：旧公钥、冒号、新密钥的持钥证明文件"),
    ("governance propose.revoke_signer", "永久吊销持此公钥的签名者"),
    ("governance propose.change", "任一变更的 JSON 文件"),
    ("governance propose.reason", "理由；公开可见，至多 256 字节，不得含个人信息"),
    ("governance propose.key", "加密的密钥文件"),
    ("governance propose.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("governance propose.chain_id", "为哪条链签名；默认以节点所述为准"),
    ("governance approve", "代表本机构同意一项提案"),
    ("governance approve.id", "提出该提案的交易，64 位十六进制"),
    ("governance approve.key", "加密的密钥文件"),
    ("governance approve.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("governance approve.chain_id", "为哪条链签名；默认以节点所述为准"),
    ("governance list", "列出提案，新的在前"),
    ("governance list.open", "只列尚可同意的提案"),
    ("governance show", "显示一项提案"),
    ("governance show.id", "提出该提案的交易，64 位十六进制"),
    ("member", "节点所述的机构与签名者"),
    ("member list", "以树形列出机构及其签名者、角色、有效期"),
    ("member list.organization", "只列该机构及其下级"),
    ("member show", "显示一个机构或签名者"),
    ("member show.member", "机构标识，或签名者的公钥"),
    ("member history", "显示机构或签名者的各个版本及其提案"),
    ("member history.member", "机构标识，或签名者的公钥"),
    ("validators", "显示节点所述的某一任期的验证者"),
    ("validators.epoch", "哪一任期；默认为下一区块所属的任期"),
    ("audit", "验证者的违规记录"),
    ("audit evidence", "列出签署了相互矛盾投票的验证者，并逐一核验两个签名"),
    ("audit evidence.epoch", "只列此任期"),
    ("audit evidence.trust", "本链的创世文件：投票属于哪条链"),
    ("audit submit", "提交以文件保存的证据"),
    ("audit submit.file", "证据文件，即 audit evidence --json 所给的十六进制编码"),
    ("audit submit.key", "加密的密钥文件"),
    ("audit submit.password_file", "首行为口令的文件；否则用 HNCHAIN_KEY_PASSWORD，再否则提示输入"),
    ("audit submit.chain_id", "为哪条链签名；默认以节点所述为准"),
    ("status", "显示节点状态"),
    ("status.watch", "持续刷新，直到 Ctrl-C"),
    ("status.interval", "刷新间隔"),
    ("tx", "显示一笔交易"),
    ("tx.id", "交易标识，64 位十六进制"),
    ("block", "显示一个区块"),
    ("block.height", "高度，或 latest 表示最新"),
    ("receipt", "显示一笔交易的结果"),
    ("receipt.id", "交易标识，64 位十六进制"),
    ("receipt.wait", "等待最终确认，至多 --timeout"),
];

/// Chinese texts of what stands between the arguments and the examples.
const NOTES_ZH: &[(&str, &str)] = &[
    ("", "退出码：0 成功，1 被拒绝或无效，2 用法错误或文件无法读写，3 没有节点应答"),
    ("anchor", "文件本身不会发送。开示文件（盐与摘要）在提交之前写好：\n请与原件一同保管，日后证明登记内容时需要它。"),
    (
        "verify",
        "退出码 0：证明有效；它可能证明记录已撤销或不存在，请看状态，或加 --require-active。\n退出码 1：证明无效，并指出未通过的步骤。",
    ),
    (
        "governance propose",
        "新密钥的持有人用 hnchain genesis possession 写出 FILE，密钥不离开其持有人。运行验证节点的机构中足够多的\n同意后，变更在该区块生效：验证者、机构、参数须超过三分之二，签名者、证照类型须超过半数，链参数另有规定的\n从其规定。一次变更至多 f 个验证者退出、max(f, 1) 个加入。\n\nJSON 变更为下列之一（或各选项所能构成的任一变更）：\n  {\"organization\": {\"id\": \"…\", \"name\": \"…\", \"credit_code\": \"…\", \"division\": \"410200\", \"parent\": \"henan\"}}\n  {\"parameters\": {\"suspend_equivocators\": true, \"proposal_open_ms\": 604800000, \"thresholds\": {\"signers\": \"2/3\"}}}\n  {\"certificate_type\": {\"code\": \"21 个字符\", \"name\": \"营业执照\", \"retired\": false}}",
    ),
    (
        "audit evidence",
        "退出码 0：节点列出的每一条都成立。退出码 1：其中有不成立的。节点可能漏列：请用 --endpoint 逐个询问多个节点。",
    ),
    ("member history", "每一版都以后一版所记的哈希核对。"),
    ("audit submit", "节点会自行提交其所见的证据；本命令用于提交在别处发现的证据。"),
    ("genesis check", "请与另一途径得到的摘要核对，例如公报上刊载的摘要。"),
    ("receipt", "退出码 0：已接受。退出码 1：被拒绝，或尚未最终确认。"),
];

const OPTIONS_ZH: &str = "选项";
/// As clap's own, with a Chinese word for usage.
const TEMPLATE_ZH: &str = "{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// clap's own flags cannot be translated, only replaced.
fn flag(name: &'static str, short: char, action: ArgAction, help: &'static str) -> Arg {
    Arg::new(name).short(short).long(name).action(action).help(help).help_heading(OPTIONS_ZH)
}

/// The command line in a language.
#[must_use]
pub fn command(lang: Lang) -> Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => translated(Cli::command(), ""),
    }
}

/// The texts of this file and of the registries.
fn tables() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    ZH.iter().chain(crate::registries::trace::help::ZH).chain(realty::ZH).chain(certificate::ZH)
}

fn text(key: &str) -> Option<&'static str> {
    let of = |key: &str| tables().find(|(k, _)| *k == key).map(|(_, text)| *text);
    // What an argument of every command of a group means is said once, for `*`.
    of(key).or_else(|| {
        let (path, argument) = key.split_once('.')?;
        of(&format!("{} *.{argument}", path.rsplit_once(' ')?.0))
    })
}

/// Examples are the same in every language; what stands before them is not.
fn notes_translated(path: &str, after: &str) -> String {
    let (notes, examples) = after.split_once("Examples:\n").unwrap_or((after, ""));
    let notes =
        match NOTES_ZH.iter().chain([&realty::NOTES_ZH]).chain(certificate::NOTES_ZH).find(|(key, _)| *key == path) {
            Some((_, zh)) => format!("{zh}\n\n"),
            None => notes.replace(
                "Specification (TOML; JSON has the same names; paths are relative to it):",
                "规格（TOML；JSON 用同样的名称；路径相对于该文件）：",
            ),
        };
    format!("{notes}示例：\n{examples}")
}

fn translated(mut command: Command, path: &str) -> Command {
    if let Some(about) = text(path) {
        command = command.about(about);
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(notes_translated(path, &after));
    }
    let path_of = path.to_owned();
    command = command.mut_args(|arg| {
        let arg = match text(&format!("{path_of}.{}", arg.get_id())) {
            Some(help) => arg.help(help),
            None => arg,
        };
        let heading = if arg.is_positional() { "参数" } else { OPTIONS_ZH };
        arg.help_heading(heading)
    });
    command = command.help_template(TEMPLATE_ZH).subcommand_help_heading("命令").disable_help_flag(true).arg(flag(
        "help",
        'h',
        ArgAction::Help,
        "显示帮助；--help 更详细",
    ));
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(flag("version", 'V', ArgAction::Version, "显示版本"));
    }
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command = command.mut_subcommand(name, |c| translated(c, &below));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        let own = command.get_arguments().filter(|a| !matches!(a.get_id().as_str(), "help" | "version"));
        found.extend(own.map(|a| format!("{path}.{}", a.get_id())));
        for sub in command.get_subcommands() {
            let name = sub.get_name();
            keys(sub, &if path.is_empty() { name.to_owned() } else { format!("{path} {name}") }, found);
        }
    }

    #[test]
    fn every_command_and_argument_speaks_chinese() {
        let mut found = BTreeSet::new();
        keys(&Cli::command(), "", &mut found);
        let known: BTreeSet<_> = tables().filter(|(k, _)| !k.contains('*')).map(|(k, _)| (*k).to_owned()).collect();
        assert_eq!(
            found.iter().filter(|k| text(k).is_none()).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "without a Chinese text"
        );
        assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "of nothing");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        command(Lang::Zh).debug_assert();
    }
}
