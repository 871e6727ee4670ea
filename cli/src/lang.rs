//! Chinese or English.

use std::ffi::OsString;

/// Language of what people read. Machines read `--json`, which does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

impl Lang {
    /// The text in this language.
    #[must_use]
    pub const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// Whether it is Chinese, for texts that others put together.
    #[must_use]
    pub const fn is_chinese(self) -> bool {
        matches!(self, Self::Zh)
    }

    /// The language before arguments are parsed, so that help and usage errors have it too: `--lang`, else the locale.
    #[must_use]
    pub fn early(args: &[OsString]) -> Self {
        let texts: Vec<_> = args.iter().map(|a| a.to_string_lossy()).collect();
        let after = texts.iter().position(|a| a == "--lang").and_then(|i| texts.get(i + 1)).map(ToString::to_string);
        let joined = texts.iter().find_map(|a| a.strip_prefix("--lang=")).map(str::to_owned);
        match after.or(joined).as_deref() {
            Some("zh") => Self::Zh,
            Some("en") => Self::En,
            _ => Self::of_locale(["LC_ALL", "LC_MESSAGES", "LANG"].iter().map(|name| std::env::var(name).ok())),
        }
    }

    /// The first locale variable that is set decides, as POSIX says.
    fn of_locale(values: impl Iterator<Item = Option<String>>) -> Self {
        match values.flatten().find(|v| !v.is_empty()) {
            Some(v) if v.to_ascii_lowercase().starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_the_locale_in_both_spellings() {
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(Lang::early(&args(&["hnchain", "--lang", "zh", "verify"])), Lang::Zh);
        assert_eq!(Lang::early(&args(&["hnchain", "verify", "--lang=en"])), Lang::En);
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let of = |list: [Option<&str>; 3]| Lang::of_locale(list.into_iter().map(|v| v.map(str::to_owned)));
        assert_eq!(of([None, None, Some("zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(of([Some("C"), None, Some("zh_CN.UTF-8")]), Lang::En);
        assert_eq!(of([Some(""), Some("zh_CN"), None]), Lang::Zh);
        assert_eq!(of([None, None, None]), Lang::En);
    }
}
