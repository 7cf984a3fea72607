//! Peak memory, for much data and for many files, under a memory limit where this process may set one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::contest::placed;
use crate::corpus;
use crate::operation::SLOT;
use crate::report::Table;
use crate::sample::{Run, Sample};
use crate::seed::Seed;
use crate::world::World;
use crate::yard::Yard;
use crate::{Result, because};

const GIB: u64 = 1 << 30;
/// The limit for up to this many entries, and what each further one may take (docs/PERFORMANCE.md, targets).
const LIMIT: u64 = 128 << 20;
const FREE_ENTRIES: u64 = 250_000;
const EACH: u64 = 130;

struct Subject {
    name: &'static str,
    entries: u64,
    /// Room that it and its bundle and its unpacked tree need.
    room: u64,
    verbs: &'static [&'static str],
    make: fn(&Path) -> Result<()>,
}

const SUBJECTS: [Subject; 4] = [
    Subject { name: "1 GiB that does not compress", entries: 1, room: 4 * GIB, verbs: ALL, make: |p| noise(p, 1) },
    Subject { name: "8 GiB that do not compress", entries: 1, room: 26 * GIB, verbs: ALL, make: |p| noise(p, 8) },
    Subject { name: "64 GiB of zeros, sparse", entries: 1, room: GIB, verbs: &["pack"], make: zeros },
    Subject { name: "1,000,000 files", entries: 1_020_000, room: 10 * GIB, verbs: ALL, make: many },
];
const ALL: &[&str] = &["pack", "verify", "list", "unpack"];

fn noise(folder: &Path, gib: u64) -> Result<()> {
    corpus::file(&folder.join("noise.bin"), gib * GIB / (64 << 10), false)
}

fn zeros(folder: &Path) -> Result<()> {
    let path = folder.join("zeros.bin");
    fs::File::create(&path).and_then(|f| f.set_len(64 * GIB)).map_err(because(path.display()))
}

fn many(folder: &Path) -> Result<()> {
    Seed::new(3).files(folder, 1_000_000).map_err(because("making 1,000,000 files"))
}

/// Packs, checks, lists and unpacks each subject once.
pub(crate) fn table(world: &World, yard: &mut Yard) -> Result<Table> {
    let heads = ["what", "operation", "peak RSS MB", "cgroup peak MB", "limit MB", "wall s", "CPU s"];
    let mut rows = vec![heads.map(String::from).to_vec()];
    if let Err(why) = Group::new(LIMIT, yard) {
        eprintln!("memory: no limit is set, and peak RSS is all there is: {why}");
    }
    for subject in &SUBJECTS {
        if yard.room() < subject.room {
            eprintln!("memory: `{}` is skipped: it needs {} GiB of room", subject.name, subject.room / GIB);
            continue;
        }
        eprintln!("memory: {} …", subject.name);
        let folder = yard.fresh()?;
        let done = subject.rows(world, &folder, yard);
        yard.clear(&mut vec![folder]);
        rows.extend(done?);
    }
    Ok(Table { title: "memory".into(), rows })
}

impl Subject {
    fn limit(&self) -> u64 {
        LIMIT + self.entries.saturating_sub(FREE_ENTRIES) * EACH
    }

    fn rows(&self, world: &World, folder: &Path, yard: &Yard) -> Result<Vec<Vec<String>>> {
        let tree = folder.join("tree");
        fs::create_dir(&tree).map_err(because(tree.display()))?;
        (self.make)(&tree)?;
        let mut rows = Vec::new();
        for verb in self.verbs {
            let (tree, bundle, to) = (tree.to_string_lossy(), format!("{SLOT}/bundle"), format!("{SLOT}/to"));
            let rest: &[&str] = match *verb {
                "pack" => &[&tree, "-o", &bundle],
                "unpack" => &[&bundle, "-o", &to],
                _ => &[&bundle],
            };
            let env = world.env(Path::new(&*tree));
            let run = Run { argv: world.consign(verb, rest), env, times: 1, group: None };
            rows.push(self.row(verb, placed(&run, folder), yard));
            eprintln!("  {}", rows.last().map(|r| r[1..].join("  ")).unwrap_or_default());
        }
        Ok(rows)
    }

    /// A failure is a result too: the limit may have been too low.
    fn row(&self, verb: &str, mut run: Run, yard: &Yard) -> Vec<String> {
        rustix::fs::sync();
        let group = Group::new(self.limit(), yard).ok();
        run.group = group.as_ref().map(Group::members);
        let mb = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
        let start = vec![self.name.to_owned(), verb.to_owned()];
        let limit = group.as_ref().map_or_else(|| "none".into(), |_| mb(self.limit()));
        let rest = match Sample::of(&run) {
            Ok(s) => {
                let peak = group.as_ref().and_then(Group::peak).map_or_else(|| "-".into(), mb);
                vec![mb(s.peak), peak, limit, format!("{:.2}", s.wall), format!("{:.2}", s.cpu())]
            }
            Err(why) => {
                // Killed at the limit, most likely; without one, the peak tells how much too low it was.
                eprintln!("memory: beyond the limit, or failed: {why}");
                run.group = None;
                let free = Sample::of(&run).map_or_else(|_| "failed".into(), |s| format!("{} (killed)", mb(s.peak)));
                vec![free, "-".into(), limit, "-".into(), "-".into()]
            }
        };
        start.into_iter().chain(rest).collect()
    }
}

/// A memory cgroup of our own, of either version.
struct Group {
    folder: PathBuf,
    peak: &'static str,
}

impl Group {
    fn new(limit: u64, yard: &Yard) -> Result<Group> {
        if yard.kind == "tmpfs" {
            return Err("what is written to a file system in memory counts as memory; give --scratch a disk".into());
        }
        let name = format!("consign-bench-{}", std::process::id());
        let (v1, v2) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
        let (root, file, peak) = if v1.is_dir() {
            (v1, "memory.limit_in_bytes", "memory.max_usage_in_bytes")
        } else {
            (v2, "memory.max", "memory.peak")
        };
        let group = Group { folder: root.join(name), peak };
        fs::create_dir(&group.folder).map_err(because("making a memory cgroup (are you root?)"))?;
        fs::write(group.folder.join(file), limit.to_string()).map_err(because("limiting a memory cgroup"))?;
        Ok(group)
    }

    fn members(&self) -> String {
        self.folder.join("cgroup.procs").to_string_lossy().into_owned()
    }

    /// The most it held, page cache included.
    fn peak(&self) -> Option<u64> {
        fs::read_to_string(self.folder.join(self.peak)).ok()?.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir(&self.folder);
    }
}
