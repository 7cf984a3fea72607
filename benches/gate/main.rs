//! The gate measured: speed, false alarms, recall. `cargo bench --bench gate -- --help`. What the figures mean and how
//! they came out is in docs/GATE.md.

mod clock;
mod fetch;
mod samples;
mod tree;

use std::path::PathBuf;

use consign::gate::{Gate, Rules};

/// What went wrong, in words for the one who ran it.
type Result<T> = std::result::Result<T, String>;

const HELP: &str = "\
cargo bench --bench gate -- [--data DIR] [--fetch] [--tree DIR]... [--show]

  --data DIR   where packages are and go (default: target/gate-data)
  --fetch      get the packages with pip, npm and cargo, and check their hashes
  --tree DIR   measure this tree of sources, too
  --show       print every hit in a tree, and the samples of the tuned half that
               were missed: file, line and rule, never the secret";

struct Options {
    data: PathBuf,
    fetch: bool,
    show: bool,
    trees: Vec<PathBuf>,
}

fn options() -> Result<Option<Options>> {
    let mut out = Options { data: "target/gate-data".into(), fetch: false, show: false, trees: Vec::new() };
    let mut all = std::env::args().skip(1);
    let mut bench = false;
    while let Some(word) = all.next() {
        let mut value = || all.next().map(PathBuf::from).ok_or(format!("{word} wants a folder"));
        match word.as_str() {
            "--bench" => bench = true,
            "--fetch" => out.fetch = true,
            "--show" => out.show = true,
            "--data" => out.data = value()?,
            "--tree" => out.trees.push(value()?),
            "--help" | "-h" => return Err(HELP.to_owned()),
            other => return Err(format!("no option {other}\n{HELP}")),
        }
    }
    // `cargo test --all-targets` runs this file too, and says so by not saying `--bench`.
    Ok(bench.then_some(out))
}

fn run() -> Result<()> {
    let Some(options) = options()? else {
        println!("gate: nothing to test here; cargo bench --bench gate -- --help");
        return Ok(());
    };
    if options.fetch {
        fetch::all(&options.data)?;
    }
    let gate = Gate::new(Rules::default());
    println!(
        "| tree | files | MB | lines | MB/s a core | hits | hits a million lines |\n|---|---|---|---|---|---|---|"
    );
    let fetched = fetch::trees(&options.data);
    for (name, folder) in options.trees.iter().map(|dir| (tree::name(dir), dir.clone())).chain(fetched) {
        println!("{}", tree::measure(&gate, &name, &folder, options.show)?);
    }
    println!("\n| samples of | half | samples | found | share |\n|---|---|---|---|---|");
    for (name, folder) in fetch::scanners(&options.data) {
        samples::measure(&gate, &name, &folder, options.show)?.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            std::process::ExitCode::FAILURE
        }
    }
}
