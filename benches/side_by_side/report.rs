//! The tables, for a terminal or for docs/PERFORMANCE.md; and the samples as JSON.

use crate::machine::Machine;
use crate::options::Op;
use crate::outcome::{Outcome, Ratio, Rival};

const HEADS: [&str; 9] = ["corpus", "against", "CPU", "CPU s", "wall", "wall s", "peak MB", "size", "others"];

/// Rows of text below heads.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn print(&self, markdown: bool) {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |c: usize| self.rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        if markdown {
            println!("\n### {}\n", self.title)
        } else {
            println!("\n{}", self.title)
        }
        for (number, row) in self.rows.iter().enumerate() {
            if markdown {
                println!("| {} |", row.join(" | "));
                if number == 0 {
                    println!("|{}", "---|".repeat(columns));
                }
            } else {
                let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, w)| format!("{cell:<w$}")).collect();
                println!("  {}", padded.join("  ").trim_end());
            }
        }
    }
}

fn ratio(r: &Ratio) -> String {
    let digits = if r.median < 0.1 { 3 } else { 2 };
    format!("{:.digits$} ({:.digits$}..{:.digits$})", r.median, r.least, r.most)
}

fn seconds(ours: f64, theirs: f64) -> String {
    let show = |s: f64| if s < 0.1 { format!("{s:.3}") } else { format!("{s:.2}") };
    format!("{} / {}", show(ours), show(theirs))
}

fn row(outcome: &Outcome, rival: &Rival) -> Vec<String> {
    let ours = &outcome.consign;
    let (size, stock) = outcome.sizes;
    let size = if outcome.op == Op::Pack { format!("{:.3}", size as f64 / stock as f64) } else { String::new() };
    let mb = |bytes: u64| (bytes + 500_000) / 1_000_000;
    let disturbed =
        if outcome.disturbed > 0 { format!(", {} of {}", outcome.disturbed, outcome.rounds) } else { String::new() };
    vec![
        outcome.corpus.clone(),
        rival.took.label.to_owned(),
        ratio(&rival.cpu),
        seconds(ours.cpu, rival.took.cpu),
        ratio(&rival.wall),
        seconds(ours.wall, rival.took.wall),
        format!("{} / {}", mb(ours.peak), mb(rival.took.peak)),
        size,
        format!("{:.0} %{disturbed}", outcome.others * 100.0),
    ]
}

/// One table for each operation.
pub(crate) fn tables(outcomes: &[Outcome]) -> Vec<Table> {
    let ops = [Op::Pack, Op::Unpack, Op::Verify, Op::List, Op::Cat];
    let table = |op: Op| {
        let of_op = || outcomes.iter().filter(move |o| o.op == op);
        let rows = of_op().flat_map(|o| o.rivals.iter().map(move |r| row(o, r)));
        let mut rows: Vec<_> = std::iter::once(HEADS.map(String::from).to_vec()).chain(rows).collect();
        drop_empty_columns(&mut rows);
        (rows.len() > 1).then(|| Table { title: op.word().into(), rows })
    };
    let each = outcomes.iter().filter(|o| o.op == Op::List).map(|o| {
        let each = o.consign.wall * 1e6 / o.entries.max(1) as f64;
        vec![o.corpus.clone(), o.entries.to_string(), format!("{:.1}", o.consign.wall * 1e3), format!("{each:.2}")]
    });
    let heads = ["corpus", "entries", "list, ms", "µs an entry"].map(String::from).to_vec();
    let each: Vec<_> = std::iter::once(heads).chain(each).collect();
    let each = (each.len() > 1).then(|| Table { title: "list, for each entry".into(), rows: each });
    ops.into_iter().filter_map(table).chain(each).collect()
}

fn drop_empty_columns(rows: &mut [Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    for column in (0..columns).rev() {
        if rows.iter().skip(1).all(|r| r[column].is_empty()) {
            rows.iter_mut().for_each(|r| drop(r.remove(column)));
        }
    }
}

/// The machine and how to read the tables.
pub(crate) fn preamble(machine: &Machine, rounds: u32) {
    let Machine { cpu, cores, memory_gib, kernel, scratch, tools } = machine;
    println!("{cores} cores ({cpu}), {memory_gib} GiB, {kernel}, writing to {scratch}; {}", tools.join(", "));
    println!(
        "Ratios are consign divided by the other, below 1 consign is better: median (least..most) of {rounds} rounds."
    );
    println!(
        "Seconds are medians, consign / the other. `others`: what other processes took of the machine, at most; then how many rounds had more than a tenth."
    );
}
