//! What is asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// A tree, by the package that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Debian linux-source-6.1: 78,579 files, 1.3 GB
    Linux,
    /// Django 5.1.4, the source distribution: 6,809 files, 44 MB
    Django,
    /// Debian supertuxkart-data, texlive-pictures-doc, fonts-noto-cjk: 1.1 GB that hardly compress
    Media,
    /// 200,000 seeded files of 0 to 200 bytes
    Tiny,
    /// One seeded file of 1 GB, half of which compresses; a volume has 4 MiB
    Big,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Op {
    /// Against `tar | zstd -3 -T | age`
    Pack,
    /// Against `age -d | zstd -d | tar -x`
    Unpack,
    /// Without a key, against `b3sum BUNDLE` and against `age -d | zstd -t`
    Verify,
    /// Against `age -d | zstd -d | tar -t`
    List,
    /// One file, against `age -d | zstd -d | tar -xO PATH`
    Cat,
    /// Peak memory for 1 GiB, 8 GiB, 64 GiB of zeros and 1,000,000 files; not part of the default
    Memory,
}

/// Run consign and the stock pipelines side by side, and print what each took as ratios.
///
/// Every operation is run once to warm up, and then in rounds: stock, consign, stock, consign …, each into a fresh
/// folder. A ratio is consign divided by stock in the same round, so below 1 consign is better; shown are the median of
/// the rounds and the span. CPU is user and system seconds of all processes of a side together. Peak memory is the
/// largest resident set of any one process of a side. A round during which others took more than a tenth of the
/// machine is run again, as often as there are rounds; those that stayed disturbed are counted.
///
/// It fetches nothing unless --fetch is given. With it, about 1.1 GB come from the package sources that apt-get and
/// pip are set up for: linux-source-6.1 (140 MB), supertuxkart-data (630 MB), texlive-pictures-doc (235 MB),
/// fonts-noto-cjk (57 MB), and the sdist of Django 5.1.4 (11 MB). Packages are unpacked, never installed. `tiny` and
/// `big` are made from a seed. Everything lies in bench/ of cargo's target folder, about 5 GB in the end, and is used
/// again. CONSIGN_BENCH_CORPORA can name a folder that holds some trees already, by the names that --only takes or by
/// the name of the package.
///
/// Wanted: bash, tar, zstd, age, age-keygen, b3sum, ssh-keygen, sync, df and git; for --fetch also apt-get and
/// dpkg-deb (Debian or Ubuntu), and python3 with pip.
///
/// All of it takes about 25 minutes on two quiet cores (an estimate); `--only django` takes less than one. Use a machine
/// that does nothing else. `--ops memory` takes 10 minutes more and needs 30 GB of room, on a disk.
#[derive(Debug, Parser)]
#[command(name = "side_by_side", bin_name = "cargo bench --bench side_by_side --", max_term_width = 80)]
pub(crate) struct Options {
    /// Measure these trees of your own, instead of the corpora
    #[arg(value_name = "TREE")]
    pub(crate) trees: Vec<PathBuf>,

    /// Only these corpora
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<Name>,

    /// Only these operations
    #[arg(long, value_delimiter = ',', value_name = "OPS", default_values = ["pack", "unpack", "verify", "list", "cat"])]
    pub(crate) ops: Vec<Op>,

    /// How many rounds count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,

    /// Fetch what is missing
    #[arg(long)]
    pub(crate) fetch: bool,

    /// Where bundles and trees are written while measuring; a file system in memory leaves the disk out of the figures
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,

    /// Write every sample of every round to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Print the tables as docs/PERFORMANCE.md has them
    #[arg(long)]
    pub(crate) markdown: bool,

    /// Fail if a CPU ratio or a size is beyond its target; wall time is never judged
    #[arg(long)]
    pub(crate) check: bool,

    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}
