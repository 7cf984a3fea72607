//! One run, measured: wall time, CPU time and peak memory, and what others took of the machine meanwhile. A small
//! process of its own starts the command, so that the peak of one run is not that of another.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::{Result, because};

/// The first argument of the measuring process.
pub(crate) const MEASURE: &str = "__measure";

/// What one run took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds in user mode, of all processes.
    pub(crate) user: f64,
    /// Seconds in the kernel, of all processes.
    pub(crate) system: f64,
    /// The largest resident set of one process, in bytes.
    pub(crate) peak: u64,
    /// The share of the machine that others took, 0 to 1.
    pub(crate) others: f64,
}

/// A command to measure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// How often it is run within one sample, which then holds the mean.
    pub(crate) times: u32,
    /// The `cgroup.procs` that it joins.
    pub(crate) group: Option<String>,
}

impl Sample {
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Runs a command in a measuring process.
    pub(crate) fn of(run: &Run) -> Result<Sample> {
        let me = std::env::current_exe().map_err(because("finding this program"))?;
        let out = Command::new(me)
            .args([MEASURE, &run.times.to_string(), run.group.as_deref().unwrap_or("")])
            .args(&run.argv)
            .envs(run.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .output()
            .map_err(because("measuring"))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("{} failed: {}", run.argv.join(" "), said.trim()));
        }
        serde_json::from_slice(&out.stdout).map_err(because("reading a sample"))
    }
}

/// The measuring process: `TIMES GROUP COMMAND…`.
pub(crate) fn measure(arguments: &[String]) -> ExitCode {
    match measured(arguments).and_then(|s| serde_json::to_string(&s).map_err(because("writing a sample"))) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn measured(arguments: &[String]) -> Result<Sample> {
    let [times, group, program, rest @ ..] = arguments else { return Err("nothing to measure".into()) };
    let times: u32 = times.parse().map_err(because("the number of runs"))?;
    if !group.is_empty() {
        std::fs::write(Path::new(group), std::process::id().to_string()).map_err(because("joining the cgroup"))?;
    }
    let (busy, all) = ticks()?;
    let begin = Instant::now();
    for _ in 0..times {
        let status = Command::new(program).args(rest).stdout(Stdio::null()).status().map_err(because(program))?;
        if !status.success() {
            return Err(format!("{status}"));
        }
    }
    let wall = begin.elapsed().as_secs_f64();
    let (busy_now, all_now) = ticks()?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(because("getrusage"))?;
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    let (user, system) = (seconds(usage.user_time()), seconds(usage.system_time()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    // In a shorter time the system's clock hardly ticks.
    let known = if wall < 0.2 { 0.0 } else { 1.0 };
    let others = (busy_now - busy) / (all_now - all).max(1.0) - (user + system) / (wall * cores);
    let each = f64::from(times);
    let peak = u64::try_from(usage.max_rss()).unwrap_or(0) * if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok(Sample { wall: wall / each, user: user / each, system: system / each, peak, others: others.clamp(0.0, known) })
}

/// Busy and all clock ticks of the machine so far; elsewhere than on Linux others are not seen.
fn ticks() -> Result<(f64, f64)> {
    if !cfg!(target_os = "linux") {
        return Ok((0.0, 0.0));
    }
    let text = std::fs::read_to_string("/proc/stat").map_err(because("/proc/stat"))?;
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|f| f.parse().ok()).collect();
    let all: f64 = fields.iter().sum();
    let idle: f64 = fields.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}
