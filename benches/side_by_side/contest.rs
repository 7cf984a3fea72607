//! One operation on one corpus: a warm-up, and then rounds in which all sides take turns.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::operation::{SLOT, Side};
use crate::sample::{Run, Sample};
use crate::yard::Yard;

/// The share of the machine that others may take.
const DISTURBED: f64 = 0.10;
/// A sample of a side that writes nothing lasts about this many seconds, for clocks tick slowly.
const LONG_ENOUGH: f64 = 0.3;

/// The samples of one round, in the order of the sides.
#[derive(Debug, Clone)]
pub(crate) struct Round(pub(crate) Vec<Sample>);

impl Round {
    /// The most that others took.
    pub(crate) fn others(&self) -> f64 {
        self.0.iter().map(|s| s.others).fold(0.0, f64::max)
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.others() > DISTURBED
    }
}

/// Runs the warm-up and the rounds. `bytes` is what a run writes at most.
pub(crate) fn rounds(mut sides: Vec<Side>, wanted: u32, bytes: u64, yard: &mut Yard) -> Result<Vec<Round>> {
    let mut kept = Vec::new();
    for side in &mut sides {
        let first = turn(side, bytes, yard, &mut kept)?;
        if side.repeats {
            side.run.times = (LONG_ENOUGH / first.wall.max(0.001)).ceil().clamp(1.0, 20.0) as u32;
        }
    }
    let wanted = wanted as usize;
    let mut rounds: Vec<Round> = Vec::new();
    while rounds.iter().filter(|r| !r.is_disturbed()).count() < wanted && rounds.len() < 2 * wanted {
        rounds.push(Round(round(&sides, bytes, yard, &mut kept)?));
    }
    yard.clear(&mut kept);
    // The quietest count; where there were enough quiet ones, all of them are quiet.
    rounds.sort_by(|a, b| a.others().total_cmp(&b.others()));
    rounds.truncate(wanted);
    Ok(rounds)
}

/// A rival, consign, the next rival …
fn round(sides: &[Side], bytes: u64, yard: &mut Yard, kept: &mut Vec<PathBuf>) -> Result<Vec<Sample>> {
    let mut order: Vec<usize> = (0..sides.len()).collect();
    if sides.len() > 1 {
        order.swap(0, 1);
    }
    let mut samples = vec![None; sides.len()];
    for at in order {
        samples[at] = Some(turn(&sides[at], bytes, yard, kept)?);
    }
    Ok(samples.into_iter().flatten().collect())
}

fn turn(side: &Side, bytes: u64, yard: &mut Yard, kept: &mut Vec<PathBuf>) -> Result<Sample> {
    // What the last run wrote must not be written in this one's time.
    rustix::fs::sync();
    let folder = yard.fresh()?;
    let sample = Sample::of(&placed(&side.run, &folder));
    yard.put_away(&folder, kept, bytes);
    sample
}

/// The run with its folder.
pub(crate) fn placed(run: &Run, folder: &Path) -> Run {
    let folder = folder.to_string_lossy();
    let fill = |text: &String| text.replace(SLOT, &folder);
    Run {
        argv: run.argv.iter().map(fill).collect(),
        env: run.env.iter().map(|(k, v)| (k.clone(), fill(v))).collect(),
        ..run.clone()
    }
}
