//! strace: how often a clean run makes each call, and runs in which the N-th fails or is the last.

use std::collections::BTreeMap;
use std::fs;

use crate::desk::{Desk, Ran, binary};

/// A fault at one call. strace counts the calls of each thread by itself.
#[derive(Clone, Copy)]
pub struct Case {
    pub call: &'static str,
    /// An error's name, or `KILL`.
    pub fault: &'static str,
    pub n: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.call, self.fault, self.n)
    }
}

/// For each call: how many the loader made, before the program began, and the most that any thread made.
pub type Counts = BTreeMap<String, (usize, usize)>;

/// Counts the calls of a clean run.
pub fn count(desk: &Desk, firm: &str, args: &[&str]) -> Counts {
    let log = desk.path("trace.log");
    let mut command = desk.wrap(firm, "strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).arg(binary()).args(args);
    Ran::of(command.output().unwrap()).ok();
    let text = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut threads: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut counts = Counts::new();
    let mut begun = false;
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        // The first thing that a Rust program does.
        begun |= line.contains("rt_sigaction(SIGPIPE");
        let seen = threads.entry((thread, call)).or_default();
        *seen += 1;
        let (before, most) = counts.entry(call.to_owned()).or_default();
        *most = (*most).max(*seen);
        if !begun {
            *before += 1;
        }
    }
    counts
}

/// Runs with one fault; says how often it came to pass, too: once in each thread that made so many calls.
pub fn run(desk: &Desk, firm: &str, args: &[&str], case: &Case) -> (Ran, usize) {
    let Case { call, fault, n } = case;
    let what = if *fault == "KILL" { format!("signal={fault}") } else { format!("error={fault}") };
    let mut command = desk.wrap(firm, "strace");
    let log = desk.path("trace.log");
    command.args(["-f", "--seccomp-bpf", "-qqq", "-o"]).arg(&log).args(["-e", &format!("trace={call}"), "-e"]);
    command.arg(format!("inject={call}:{what}:when={n}")).arg(binary()).args(args);
    let ran = Ran::of(command.output().unwrap());
    let told = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let fired = String::from_utf8_lossy(&told).matches("(INJECTED)").count().max(usize::from(ran.code == -9));
    (ran, fired)
}
