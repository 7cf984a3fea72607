//! One tree of sources: how fast it is screened, and how many hits there are in it.

use std::fs;
use std::path::{Path, PathBuf};

use consign::gate::{Gate, Hit, Piece, place};

use crate::Result;
use crate::clock::Clock;

/// So much is read before it is screened, so that reading isn't measured.
const BATCH: usize = 64 << 20;

pub fn name(dir: &Path) -> String {
    dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// All files beneath a folder, in order of their names.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut entries: Vec<_> = entries.filter_map(std::result::Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut out = Vec::new();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => out.extend(files(&entry.path())?),
            Ok(kind) if kind.is_file() => out.push(entry.path()),
            _ => {}
        }
    }
    Ok(out)
}

/// A row of the table.
pub fn measure(gate: &Gate, name: &str, dir: &Path, show: bool) -> Result<String> {
    let all = files(dir)?;
    let (mut bytes, mut lines, mut hits, mut seconds) = (0_u64, 0_u64, 0_usize, 0.0);
    let mut rest = &all[..];
    while !rest.is_empty() {
        let mut batch: Vec<(String, Vec<u8>)> = Vec::new();
        let mut size = 0;
        while let Some((first, others)) = rest.split_first().filter(|_| size < BATCH) {
            let text = fs::read(first).map_err(|e| format!("{}: {e}", first.display()))?;
            size += text.len();
            batch.push((first.strip_prefix(dir).unwrap_or(first).to_string_lossy().into_owned(), text));
            rest = others;
        }
        // The clock is coarse, so little is looked at many times.
        let rounds = (8 * BATCH / size.max(1)).clamp(1, 400);
        let clock = Clock::start();
        for _ in 1..rounds {
            batch.iter().enumerate().for_each(|(n, (path, text))| drop(look(gate, n, path, text)));
        }
        let found: Vec<(usize, Hit)> =
            batch.iter().enumerate().flat_map(|(n, (path, text))| look(gate, n, path, text)).collect();
        seconds += clock.seconds() / rounds as f64;
        bytes += size as u64;
        lines += batch.iter().map(|(_, text)| text.iter().filter(|b| **b == b'\n').count() as u64).sum::<u64>();
        hits += found.len();
        found.iter().filter(|_| show).for_each(|(n, hit)| {
            let (path, text) = &batch[*n];
            let line = place(&text[..hit.offset as usize], hit.wide).line;
            eprintln!("{name}/{path}:{line} {} {}", hit.rule, hit.shown);
        });
    }
    let (mb, rate) = (bytes as f64 / 1e6, hits as f64 * 1e6 / lines.max(1) as f64);
    Ok(format!("| {name} | {} | {mb:.0} | {lines} | {:.0} | {hits} | {rate:.1} |", all.len(), mb / seconds))
}

fn look(gate: &Gate, n: usize, path: &str, text: &[u8]) -> Vec<(usize, Hit)> {
    let mut hits = Vec::new();
    gate.screen(&Piece::whole(path, text), &mut hits);
    gate.screen_name(path, &mut hits);
    hits.into_iter().map(|hit| (n, hit)).collect()
}
