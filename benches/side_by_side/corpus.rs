//! The trees that are packed: found where they lie, fetched by the name of their package, or made from a seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::options::Name;
use crate::seed::Seed;
use crate::{Result, because};

/// A tree on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) tree: PathBuf,
    /// Whether it is one of those with targets.
    pub(crate) known: Option<Name>,
}

/// Where they are kept: `bench` in cargo's target folder.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench")
}

impl Name {
    pub(crate) const ALL: [Name; 5] = [Name::Linux, Name::Django, Name::Media, Name::Tiny, Name::Big];

    pub(crate) fn word(self) -> &'static str {
        ["linux", "django", "media", "tiny", "big"][self as usize]
    }

    /// The other name that a folder may have.
    fn package(self) -> &'static str {
        ["linux-source-6.1", "Django-5.1.4", "media", "tiny", "big"][self as usize]
    }

    fn is_made(self) -> bool {
        matches!(self, Name::Tiny | Name::Big)
    }

    /// How somebody gets it by hand.
    fn by_hand(self) -> &'static str {
        match self {
            Name::Linux => "apt-get download linux-source-6.1, dpkg-deb -x, tar -xf",
            Name::Django => "pip download --no-deps --no-binary :all: Django==5.1.4, tar -xf",
            Name::Media => "apt-get download supertuxkart-data texlive-pictures-doc fonts-noto-cjk, dpkg-deb -x",
            Name::Tiny | Name::Big => "made here",
        }
    }
}

impl Corpus {
    /// A tree of one's own.
    pub(crate) fn own(tree: &Path) -> Result<Corpus> {
        let tree = tree.canonicalize().map_err(because(tree.display()))?;
        let name = tree.file_name().map_or_else(|| "tree".into(), |n| n.to_string_lossy().into_owned());
        Ok(Corpus { name, tree, known: None })
    }

    /// Finds, makes or fetches one.
    pub(crate) fn of(name: Name, fetch: bool) -> Result<Corpus> {
        let given = std::env::var_os("CONSIGN_BENCH_CORPORA").map(PathBuf::from);
        let places = given.into_iter().flat_map(|dir| [dir.join(name.word()), dir.join(name.package())]);
        let kept = cache().join(name.word());
        let found = places.chain([kept.clone()]).find(|p| p.is_dir());
        let tree = match found {
            Some(tree) => tree,
            None if name.is_made() || fetch => get(name, &kept)?,
            None => {
                let (word, hand, to) = (name.word(), name.by_hand(), kept.display());
                return Err(format!("`{word}` is not here. --fetch gets it, or by hand into {to}: {hand}"));
            }
        };
        let tree = tree.canonicalize().map_err(because(tree.display()))?;
        Ok(Corpus { name: name.word().into(), tree, known: Some(name) })
    }
}

/// Makes it beside its place, and then gives it its name: what bears the name is whole.
fn get(name: Name, kept: &Path) -> Result<PathBuf> {
    let part = kept.with_extension("part");
    let _was_there = fs::remove_dir_all(&part);
    fs::create_dir_all(&part).map_err(because(part.display()))?;
    let part = part.canonicalize().map_err(because(part.display()))?;
    eprintln!("getting `{}` …", name.word());
    let tree = part.join("tree");
    fs::create_dir(&tree).map_err(because(tree.display()))?;
    match name {
        Name::Linux => linux(&part, &tree)?,
        Name::Django => django(&part, &tree)?,
        Name::Media => debian(&part, &tree, &["supertuxkart-data", "texlive-pictures-doc", "fonts-noto-cjk"])?,
        Name::Tiny => Seed::new(1).files(&tree, 200_000).map_err(because("making `tiny`"))?,
        Name::Big => file(&tree.join("big.bin"), 1_000_000_000 / (64 << 10), true)?,
    }
    fs::rename(&tree, kept).map_err(because(kept.display()))?;
    fs::remove_dir_all(&part).map_err(because(part.display()))?;
    Ok(kept.to_owned())
}

/// A seeded file.
pub(crate) fn file(path: &Path, blocks: u64, half: bool) -> Result<()> {
    let made = fs::File::create(path).and_then(|mut f| Seed::new(2).write(&mut f, blocks, half));
    made.map_err(because(path.display()))
}

fn linux(part: &Path, tree: &Path) -> Result<()> {
    let outer = part.join("outer");
    debian(part, &outer, &["linux-source-6.1"])?;
    untar(&outer.join("usr/src/linux-source-6.1.tar.xz"), tree)
}

fn django(part: &Path, tree: &Path) -> Result<()> {
    let wanted = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "Django==5.1.4"];
    run(part, "python3", &wanted.map(String::from))?;
    let archive = files_ending(part, ".tar.gz")?.pop().ok_or("pip fetched no .tar.gz")?;
    untar(&archive, tree)
}

fn debian(part: &Path, tree: &Path, packages: &[&str]) -> Result<()> {
    for package in packages {
        run(part, "apt-get", &["download".into(), (*package).into()])?;
        let archive = files_ending(part, ".deb")?.pop().ok_or_else(|| format!("apt-get fetched no {package}"))?;
        let text = |p: &Path| p.to_string_lossy().into_owned();
        run(part, "dpkg-deb", &["-x".into(), text(&archive), text(tree)])?;
        fs::remove_file(&archive).map_err(because(archive.display()))?;
    }
    drop_absolute_links(tree)
}

/// Links into the system that a package would be installed to; consign refuses a link that leads out.
fn drop_absolute_links(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(because(folder.display()))?.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            drop_absolute_links(&path)?;
        } else if fs::read_link(&path).is_ok_and(|to| to.is_absolute()) {
            fs::remove_file(&path).map_err(because(path.display()))?;
        }
    }
    Ok(())
}

/// Without the one folder that an archive of sources has on top.
fn untar(archive: &Path, tree: &Path) -> Result<()> {
    let text = |p: &Path| p.to_string_lossy().into_owned();
    run(tree, "tar", &["-xf".into(), text(archive), "--strip-components=1".into(), "--no-same-owner".into()])
}

fn files_ending(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).map_err(because(folder.display()))?;
    Ok(listed.flatten().map(|e| e.path()).filter(|p| p.to_string_lossy().ends_with(end)).collect())
}

fn run(at: &Path, program: &str, arguments: &[String]) -> Result<()> {
    let line = || format!("{program} {}", arguments.join(" "));
    let out = Command::new(program).args(arguments).current_dir(at).output().map_err(because(line()))?;
    if out.status.success() {
        Ok(())
    } else {
        Err(format!("{}: {}", line(), String::from_utf8_lossy(&out.stderr).trim()))
    }
}
