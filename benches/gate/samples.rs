//! Recall on samples that nobody wrote for these rules: lines of the tests of other scanners.
//!
//! Which lines are samples is decided without looking at the rules: in Python tests, lines with a string of at least
//! 16 characters in quotes, without blanks, with letters and digits and an entropy of 3.5 bits; in files of rules, the
//! items under `examples:`. Some of those are there because they are no secret; they count as missed all the same.
//! The first bit of a line's hash says which half it is in. Rules are tuned on one half only.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use consign::crypto::digest;
use consign::gate::{Gate, Piece};

use crate::Result;
use crate::tree::files;

/// The rows of both halves.
pub fn measure(gate: &Gate, name: &str, dir: &Path, show: bool) -> Result<[String; 2]> {
    let mut samples: BTreeSet<String> = BTreeSet::new();
    for file in files(dir)? {
        let text = fs::read(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let path = file.strip_prefix(dir).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        if path.ends_with(".py") && path.contains("test") {
            samples.extend(text.lines().filter(|line| holds_one(line)).map(|line| line.trim().to_owned()));
        } else if path.ends_with(".yml") {
            samples.extend(examples(&text));
        }
    }
    let (tuned, other): (Vec<_>, Vec<_>) = samples.iter().partition(|line| digest(line.as_bytes()).bytes()[0] < 128);
    Ok([("tuned", tuned), ("other", other)].map(|(half, lines)| row(gate, name, half, &lines, show)))
}

fn row(gate: &Gate, name: &str, half: &str, lines: &[&String], show: bool) -> String {
    let missed: Vec<_> = lines.iter().filter(|line| !is_found(gate, line)).collect();
    if show && half == "tuned" {
        missed.iter().for_each(|line| eprintln!("{name}: missed: {line}"));
    }
    let (all, found) = (lines.len(), lines.len() - missed.len());
    format!("| {name} | {half} | {all} | {found} | {:.0} % |", 100.0 * found as f64 / all.max(1) as f64)
}

fn is_found(gate: &Gate, line: &str) -> bool {
    let mut hits = Vec::new();
    gate.screen(&Piece::whole("sample.py", line.as_bytes()), &mut hits);
    !hits.is_empty()
}

fn holds_one(line: &str) -> bool {
    ['"', '\''].iter().any(|quote| line.split(*quote).skip(1).step_by(2).any(is_one))
}

fn is_one(text: &str) -> bool {
    let has = |is: fn(&char) -> bool| text.chars().any(|c| is(&c));
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    text.len() >= 16 && printable && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic) && entropy(text) >= 3.5
}

fn entropy(text: &str) -> f64 {
    let count = |b: u8| text.bytes().filter(|other| *other == b).count() as f64 / text.len() as f64;
    let distinct: BTreeSet<u8> = text.bytes().collect();
    distinct.into_iter().map(count).map(|p| -p * p.log2()).sum()
}

/// The items of every list under `examples:`.
fn examples(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let item = line.trim_start().strip_prefix("- ");
        match item {
            Some(item) if inside => out.push(item.trim_matches(['\'', '"']).to_owned()),
            _ => inside = line.trim() == "examples:",
        }
    }
    out
}
