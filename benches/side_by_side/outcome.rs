//! What a contest came to: medians, and ratios of consign to each rival.

use serde::Serialize;

use crate::contest::Round;
use crate::operation::Side;
use crate::options::{Name, Op};
use crate::sample::Sample;

/// Consign divided by a rival, over the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// The medians of one side.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Took {
    pub(crate) label: &'static str,
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    /// The largest of all rounds, in bytes.
    pub(crate) peak: u64,
    pub(crate) samples: Vec<Sample>,
}

/// Consign against one rival.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rival {
    pub(crate) took: Took,
    pub(crate) wall: Ratio,
    pub(crate) cpu: Ratio,
}

/// One operation on one corpus.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    pub(crate) corpus: String,
    #[serde(skip)]
    pub(crate) known: Option<Name>,
    #[serde(serialize_with = "word")]
    pub(crate) op: Op,
    pub(crate) entries: u64,
    /// Bytes of consign's bundle and of the stock one.
    pub(crate) sizes: (u64, u64),
    pub(crate) consign: Took,
    pub(crate) rivals: Vec<Rival>,
    /// Rounds, and how many of them stayed disturbed.
    pub(crate) rounds: usize,
    pub(crate) disturbed: usize,
    /// The most that others took of the machine in a round.
    pub(crate) others: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn word<S: serde::Serializer>(op: &Op, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(op.word())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

impl Ratio {
    fn of(ratios: impl Iterator<Item = f64>) -> Ratio {
        let all = sorted(ratios);
        Ratio { median: median(all.iter().copied()), least: all[0], most: all[all.len() - 1] }
    }
}

impl Took {
    fn of(label: &'static str, samples: Vec<Sample>) -> Took {
        Took {
            label,
            wall: median(samples.iter().map(|s| s.wall)),
            cpu: median(samples.iter().map(Sample::cpu)),
            peak: samples.iter().map(|s| s.peak).max().unwrap_or(0),
            samples,
        }
    }
}

/// Sums up the sides of a contest, of which consign is the first.
pub(crate) fn sum_up(sides: &[Side], rounds: &[Round]) -> (Took, Vec<Rival>) {
    let took = |at: usize| Took::of(sides[at].label, rounds.iter().map(|r| r.0[at]).collect());
    let rival = |at: usize| Rival {
        took: took(at),
        wall: Ratio::of(rounds.iter().map(|r| r.0[0].wall / r.0[at].wall)),
        cpu: Ratio::of(rounds.iter().map(|r| r.0[0].cpu() / r.0[at].cpu())),
    };
    (took(0), (1..sides.len()).map(rival).collect())
}
