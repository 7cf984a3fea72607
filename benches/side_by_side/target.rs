//! The targets: what CPU ratios and sizes must not go beyond. Wall time is no target, for the machines that check this
//! are shared.

use crate::options::{Name, Op};
use crate::outcome::Outcome;

/// The CPU of consign divided by that of its first rival. Unpacking is judged against the same work, which wall time
/// would not be: the targets of docs/PERFORMANCE.md for it are read by a person.
fn cpu(op: Op, name: Name) -> Option<f64> {
    match (op, name) {
        (Op::Pack, Name::Tiny) => Some(1.2),
        (Op::Pack | Op::Unpack, _) => Some(0.90),
        (Op::Verify, _) => Some(1.25),
        (Op::List | Op::Cat | Op::Memory, _) => None,
    }
}

/// The size of a bundle divided by that of the stock one. `tiny` has no bound: hashes are most of what does not compress.
fn size(name: Name) -> Option<f64> {
    match name {
        Name::Django => Some(1.03),
        Name::Tiny => None,
        _ => Some(1.02),
    }
}

/// What an outcome misses.
pub(crate) fn missed(outcome: &Outcome) -> Vec<String> {
    let Some(name) = outcome.known else { return Vec::new() };
    let mut missed = Vec::new();
    let what = format!("{} {}", outcome.op.word(), outcome.corpus);
    if let (Some(must), Some(rival)) = (cpu(outcome.op, name), outcome.rivals.first())
        && rival.cpu.median > must
    {
        missed.push(format!("{what}: CPU ratio {:.2}, at most {must:.2}", rival.cpu.median));
    }
    let (ours, stock) = outcome.sizes;
    let ratio = ours as f64 / stock as f64;
    if let (Op::Pack, Some(must)) = (outcome.op, size(name).filter(|must| ratio > *must)) {
        missed.push(format!("{what}: size ratio {ratio:.3}, at most {must:.2}"));
    }
    missed
}
