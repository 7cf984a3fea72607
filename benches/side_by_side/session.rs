//! A whole run: what is asked for, one contest after the other, and what is said at the end.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::contest;
use crate::corpus::{self, Corpus};
use crate::machine::{self, Machine};
use crate::memory;
use crate::operation::Packed;
use crate::options::{Name, Op, Options};
use crate::outcome::{Outcome, sum_up};
use crate::report;
use crate::sample::{Run, Sample};
use crate::target;
use crate::world::{CONSIGN, World};
use crate::yard::Yard;
use crate::{Result, because};

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    match session(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("side_by_side: {why}");
            ExitCode::from(2)
        }
    }
}

/// False if a target is missed and that was asked.
fn session(options: &Options) -> Result<bool> {
    machine::all_tools()?;
    let corpora = corpora(options)?;
    std::fs::create_dir_all(corpus::cache()).map_err(because("cargo's target folder"))?;
    let mut yard = Yard::new(options.scratch.as_deref().unwrap_or(&corpus::cache()))?;
    let world = World::new(&yard.path("world"))?;
    let machine = Machine::here(&yard.kind);
    let mut outcomes = Vec::new();
    for corpus in &corpora {
        outcomes.extend(measured(corpus, options, &world, &mut yard)?);
    }
    report::preamble(&machine, options.rounds);
    report::tables(&outcomes).iter().for_each(|t| t.print(options.markdown));
    if !outcomes.is_empty() {
        println!(
            "\nUnlocking one's own keys by their passphrase is not in these figures: {:.2} s more.",
            unlock(&yard)?
        );
    }
    if options.ops.contains(&Op::Memory) {
        memory::table(&world, &mut yard)?.print(options.markdown);
    }
    if let Some(path) = &options.json {
        let json = serde_json::json!({ "machine": machine, "outcomes": outcomes });
        std::fs::write(path, format!("{json:#}\n")).map_err(because(path.display()))?;
    }
    let missed: Vec<_> = outcomes.iter().flat_map(target::missed).collect();
    if options.check {
        missed.iter().for_each(|m| println!("missed: {m}"));
        println!("{}", if missed.is_empty() { "all targets are met" } else { "targets are missed" });
    }
    Ok(missed.is_empty() || !options.check)
}

/// The trees that are asked for. One that is missing is said at once, before hours of measuring.
fn corpora(options: &Options) -> Result<Vec<Corpus>> {
    if options.ops == [Op::Memory] {
        return Ok(Vec::new());
    }
    let own: Vec<_> = options.trees.iter().map(|t| Corpus::own(t)).collect::<Result<_>>()?;
    let names: &[Name] = match (options.only.as_slice(), own.is_empty()) {
        ([], true) => &Name::ALL,
        (only, _) => only,
    };
    let found: Vec<_> = names.iter().map(|n| Corpus::of(*n, options.fetch)).collect();
    let missing: Vec<_> = found.iter().filter_map(|f| f.as_ref().err().cloned()).collect();
    if !missing.is_empty() {
        return Err(missing.join("\n"));
    }
    Ok(own.into_iter().chain(found.into_iter().flatten()).collect())
}

fn measured(corpus: &Corpus, options: &Options, world: &World, yard: &mut Yard) -> Result<Vec<Outcome>> {
    eprintln!("{} …", corpus.name);
    let packed = Packed::new(corpus, world, yard)?;
    let mut outcomes = Vec::new();
    for op in options.ops.iter().copied().filter(|op| *op != Op::Memory) {
        eprintln!("{} {} …", corpus.name, op.word());
        let sides = packed.sides(op);
        let rounds = contest::rounds(sides.clone(), options.rounds, packed.bytes, yard)?;
        let (consign, rivals) = sum_up(&sides, &rounds);
        outcomes.push(Outcome {
            corpus: corpus.name.clone(),
            known: corpus.known,
            op,
            entries: packed.entries,
            sizes: packed.sizes()?,
            consign,
            rivals,
            rounds: rounds.len(),
            disturbed: rounds.iter().filter(|r| r.is_disturbed()).count(),
            others: rounds.iter().map(contest::Round::others).fold(0.0, f64::max),
        });
    }
    let _best_effort = std::fs::remove_dir_all(yard.path(&corpus.name));
    Ok(outcomes)
}

/// Seconds that a passphrase adds: one file packed with keys of one's own, less the same with plain key files.
fn unlock(yard: &Yard) -> Result<f64> {
    let folder = yard.path("unlock");
    let tree = folder.join("tree");
    let failed = || because(folder.display().to_string());
    std::fs::create_dir_all(&tree).map_err(failed())?;
    std::fs::write(tree.join("file"), "one file").map_err(failed())?;
    std::fs::write(folder.join("pass"), "correct horse battery staple\n").map_err(failed())?;
    let world = World::new(&folder.join("keys"))?;
    let text = |p: &Path| p.to_string_lossy().into_owned();
    let mut env = world.env(&tree);
    env.push(("CONSIGN_PASSPHRASE_FILE".into(), text(&folder.join("pass"))));
    let took = |argv: Vec<String>| Sample::of(&Run { argv, env: env.clone(), times: 1, group: None }).map(|s| s.wall);
    let (tree, out) = (text(&tree), text(&folder.join("out")));
    let plain = world.consign("pack", &[&tree, "-o", &out]);
    let new = [CONSIGN, "key", "new", "--name", "Bench <bench@bench.example>", "--no-input"];
    let own = [CONSIGN, "pack", &tree, "-r", &world.recipient, "-o", &format!("{out}2"), "--no-input"];
    let argv = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    let without = took(plain)?;
    took(argv(&new))?;
    Ok((took(argv(&own))? - without).max(0.0))
}
