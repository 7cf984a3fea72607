//! The shape of the machine, and the stock tools on it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::Result;

/// What runs are wanted to be compared with.
const TOOLS: [&str; 11] =
    ["bash", "tar", "zstd", "age", "age-keygen", "b3sum", "ssh-keygen", "sync", "df", "git", "mkdir"];

/// What a stranger needs to know to judge the figures.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) scratch: String,
    pub(crate) tools: Vec<String>,
}

impl Machine {
    pub(crate) fn here(scratch: &str) -> Machine {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
            line.split_once(':').map_or_else(|| "unknown".to_owned(), |(_, v)| v.trim().to_owned())
        };
        let kib: u64 = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let numbers = release.trim().split('-').next().unwrap_or_default();
        let version = |tool: &str| ask(tool, &["--version"]).map(|v| named(tool, &v));
        Machine {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: cores(),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: format!("{} {numbers}", std::env::consts::OS),
            scratch: scratch.to_owned(),
            tools: ["tar", "zstd", "age", "b3sum"].into_iter().filter_map(version).collect(),
        }
    }
}

/// A tool and its version, without the rest of what it says.
fn named(tool: &str, says: &str) -> String {
    let is_version = |w: &&str| w.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && w.contains('.');
    let found = says.split([' ', ',', '\n']).find(is_version).unwrap_or("of unknown version");
    format!("{tool} {}", found.trim_start_matches('v'))
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a program prints, if it succeeds.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let out = Command::new(program).args(arguments).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// Whether all stock tools are here; names those that aren't.
pub(crate) fn all_tools() -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |tool: &&&str| {
        std::env::split_paths(&path).any(|dir: std::path::PathBuf| dir.join(Path::new(**tool)).is_file())
    };
    let absent: Vec<_> = TOOLS.iter().filter(|t| !there(t)).copied().collect();
    if absent.is_empty() { Ok(()) } else { Err(format!("install first: {}", absent.join(", "))) }
}
