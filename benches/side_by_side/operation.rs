//! The operations: what consign runs, and what the stock tools run for the same.

use std::path::{Path, PathBuf};

use crate::corpus::Corpus;
use crate::options::Op;
use crate::sample::{Run, Sample};
use crate::world::World;
use crate::yard::{Yard, size_of};
use crate::{Result, because};

/// Stands in a command for the fresh folder of a run.
pub(crate) const SLOT: &str = "{slot}";

const PACK: &str = r#"tar -C "$TREE" -cf - . | zstd -q -3 -T"$CORES" | age -r "$TO" > "$SLOT/out""#;
const OPEN: &str = r#"age -d -i "$KEY" "$STOCK" | zstd -dq"#;

/// One side of a contest.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// What the tables call it.
    pub(crate) label: &'static str,
    pub(crate) run: Run,
    /// Whether it may run several times within one sample: it writes nothing.
    pub(crate) repeats: bool,
}

/// A corpus with a bundle of either kind.
pub(crate) struct Packed<'a> {
    pub(crate) corpus: &'a Corpus,
    world: &'a World,
    ours: PathBuf,
    stock: PathBuf,
    /// Paths in it, without the root.
    pub(crate) entries: u64,
    /// The bytes that a tree of it takes, roughly.
    pub(crate) bytes: u64,
    one: String,
    env: Vec<(String, String)>,
}

impl Op {
    pub(crate) fn word(self) -> &'static str {
        ["pack", "unpack", "verify", "list", "cat", "memory"][self as usize]
    }
}

impl<'a> Packed<'a> {
    /// Packs it both ways, unmeasured, and looks whether both hold the same paths.
    pub(crate) fn new(corpus: &'a Corpus, world: &'a World, yard: &Yard) -> Result<Packed<'a>> {
        let folder = yard.path(&corpus.name);
        std::fs::create_dir_all(&folder).map_err(because(folder.display()))?;
        let (ours, stock) = (folder.join("ours.consign"), folder.join("out"));
        let mut env = world.env(&corpus.tree);
        let text = |p: &Path| p.to_string_lossy().into_owned();
        env.extend([("STOCK".to_owned(), text(&stock)), ("OURS".to_owned(), text(&ours))]);
        let mut packed = Packed { corpus, world, ours, stock, entries: 0, bytes: 0, one: String::new(), env };
        let pack = world.consign("pack", &[&text(&corpus.tree), "-o", &text(&packed.ours), "--force"]);
        Sample::of(&Run { argv: pack, env: packed.env.clone(), times: 1, group: None })?;
        Sample::of(&packed.bash(PACK, &folder))?;
        packed.look()?;
        Ok(packed)
    }

    fn bash(&self, script: &str, slot: &Path) -> Run {
        let argv = ["bash", "-o", "pipefail", "-c", script].map(String::from).to_vec();
        let mut env = self.env.clone();
        env.extend([("SLOT".to_owned(), slot.to_string_lossy().into_owned()), ("ONE".to_owned(), self.one.clone())]);
        Run { argv, env, times: 1, group: None }
    }

    fn look(&mut self) -> Result<()> {
        let listed = self.read(self.world.consign("list", &[&self.ours.to_string_lossy(), "--json"]))?;
        let json: serde_json::Value = serde_json::from_str(&listed).map_err(because("consign list --json"))?;
        let entries = json["entries"].as_array().ok_or("consign list --json has no entries")?;
        self.entries = entries.len() as u64;
        let files: Vec<_> = entries.iter().filter(|e| e["size"].is_u64()).collect();
        self.bytes = files.iter().map(|e| e["size"].as_u64().unwrap_or(0).div_ceil(4096) * 4096).sum();
        let middle = files.get(files.len() / 2).ok_or("there is no file in it")?;
        self.one = middle["path"].as_str().ok_or("a file without a path")?.to_owned();
        let counted = self.read(self.bash(&format!("{OPEN} | tar -t | wc -l"), &self.stock).argv)?;
        let stock = counted.trim().parse::<u64>().map_err(because("counting"))?.saturating_sub(1);
        if stock != self.entries {
            let (name, ours) = (&self.corpus.name, self.entries);
            let said = format!("`{name}`: tar packs {stock} paths, consign {ours}: the comparison would not be fair");
            // In a tree of one's own some things may well be left out.
            if self.corpus.known.is_some() { return Err(said) } else { eprintln!("{said}") }
        }
        Ok(())
    }

    fn read(&self, argv: Vec<String>) -> Result<String> {
        let mut command = std::process::Command::new(&argv[0]);
        let out = command.args(&argv[1..]).envs(self.env.iter().map(|(k, v)| (k, v))).output();
        let out = out.map_err(because(&argv[0]))?;
        let said = || format!("{}: {}", argv.join(" "), String::from_utf8_lossy(&out.stderr).trim());
        if out.status.success() { Ok(String::from_utf8_lossy(&out.stdout).into_owned()) } else { Err(said()) }
    }

    pub(crate) fn sizes(&self) -> Result<(u64, u64)> {
        Ok((size_of(&self.ours)?, size_of(&self.stock)?))
    }

    /// consign first, then its rivals.
    pub(crate) fn sides(&self, op: Op) -> Vec<Side> {
        let (tree, ours) = (self.corpus.tree.to_string_lossy(), self.ours.to_string_lossy());
        let out = format!("{SLOT}/out");
        let unpack = format!(r#"mkdir "$SLOT/out" && {OPEN} | tar -x -C "$SLOT/out""#);
        let (rest, rivals) = match op {
            Op::Pack => {
                let synced = format!(r#"{PACK} && sync -d "$SLOT/out""#);
                (vec![&*tree, "-o", &out], vec![("tar, zstd, age", PACK.to_owned()), ("the same, synced", synced)])
            }
            Op::Unpack => {
                let synced = format!(r#"{unpack} && sync -f "$SLOT/out""#);
                (vec![&*ours, "-o", &out], vec![("age, zstd, tar", unpack), ("the same, synced", synced)])
            }
            Op::Verify => {
                let test = r#"age -d -i "$KEY" "$STOCK" | zstd -tq"#;
                (vec![&*ours], vec![("b3sum", r#"b3sum "$OURS""#.into()), ("age, zstd -t", test.into())])
            }
            Op::List => (vec![&*ours], vec![("age, zstd, tar -t", format!("{OPEN} | tar -t"))]),
            Op::Cat => (vec![&*ours, &self.one], vec![("age, zstd, tar -xO", format!(r#"{OPEN} | tar -xO "./$ONE""#))]),
            Op::Memory => return Vec::new(),
        };
        let repeats = !matches!(op, Op::Pack | Op::Unpack);
        let argv = self.world.consign(op.word(), &rest);
        let consign = Run { argv, env: self.env.clone(), times: 1, group: None };
        let rivals = rivals.iter().map(|(label, script)| (*label, self.bash(script, Path::new(SLOT))));
        [("consign", consign)].into_iter().chain(rivals).map(|(label, run)| Side { label, run, repeats }).collect()
    }
}
