//! Processor time and memory of node processes, from `/proc`.

use serde::Serialize;

/// Clock ticks a second in `/proc/<pid>/stat`: the kernel's `USER_HZ`, 100 on every platform that Rust's std supports.
const TICKS: f64 = 100.0;

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// User and system time of all threads, seconds.
    pub cpu_s: f64,
    /// Largest resident memory, bytes.
    pub peak_rss_bytes: u64,
}

impl Usage {
    /// Reads it for a process; `None` where there is no such process, or no `/proc`.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        Some(Self { cpu_s: parse_stat(&read("stat")?)?, peak_rss_bytes: parse_status(&read("status")?)? })
    }
}

/// Fields 14 and 15 of proc(5) stat. The name in field 2 may hold spaces and brackets, so counting starts after it.
fn parse_stat(stat: &str) -> Option<f64> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

/// `VmHWM` of proc(5) status, in kibibytes.
fn parse_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_brackets_and_spaces() {
        let stat = "4211 (a) b (c) S 1 4211 4211 0 -1 4194304 900 0 0 0 1234 66 0 0 20 0 9 0 100 1000 200 18446744073709551615";
        assert_eq!(parse_stat(stat), Some(13.0));
    }

    #[test]
    fn peak_memory_is_in_bytes() {
        assert_eq!(
            parse_status("Name:\tnode\nVmPeak:\t  90 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 12 kB\n"),
            Some(2_097_152)
        );
    }

    #[test]
    fn what_is_not_there_is_none() {
        assert_eq!(parse_stat("no brackets"), None);
        assert_eq!(parse_stat("1 (short) S 1 2"), None);
        assert_eq!(parse_status("Name:\tzombie\n"), None);
        assert_eq!(parse_status("VmHWM:\t 5 pages\n"), None);
        assert_eq!(Usage::of(u32::MAX), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::of(std::process::id()).expect("we are running");
        assert!(usage.peak_rss_bytes > 100_000 && usage.cpu_s < 1e6, "{usage:?}");
    }
}
