//! The arguments of the commands about agreements and other evidence on partners.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use consign::format::date::Date;

/// Put an agreement with a partner, or other evidence on it, on record.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["nda", "audit", "evidence", "signed", "withdraw"]))]
#[command(group = ArgGroup::new("paper").args(["nda", "audit", "evidence"]).requires("until"))]
pub(crate) struct PartnerAgree {
    /// Its name here
    #[arg(value_name = "PARTNER")]
    pub(crate) name: String,
    /// The NDA, a file of any kind; it is read once for its hash, and not copied
    #[arg(long, value_name = "FILE")]
    pub(crate) nda: Option<PathBuf>,
    /// An audit of the partner
    #[arg(long, value_name = "FILE", requires = "by")]
    pub(crate) audit: Option<PathBuf>,
    /// Other evidence, of a kind that project.toml may demand: a word such as `insurance`
    #[arg(long, value_names = ["KIND", "FILE"], num_args = 2, action = clap::ArgAction::Set)]
    pub(crate) evidence: Option<Vec<OsString>>,
    /// Its first day, UTC; today if it isn't given
    #[arg(long, value_name = "DATE", requires = "paper")]
    pub(crate) from: Option<Date>,
    /// Its last day, UTC (2027-03-31)
    #[arg(long, value_name = "DATE", requires = "paper")]
    pub(crate) until: Option<Date>,
    /// What it is called; else its kind and its first day
    #[arg(long = "ref", value_name = "TEXT", requires = "paper")]
    pub(crate) reference: Option<String>,
    /// Who made it, such as the auditor
    #[arg(long, value_name = "WHO", requires = "paper")]
    pub(crate) by: Option<String>,
    /// Don't put it on record yet: sign it, for the partner to sign it too
    ///
    /// Writes a document that names the hash, the days and both firms. The partner types `consign agree`; what comes
    /// back goes on record with --signed.
    #[arg(long, requires = "paper")]
    pub(crate) sign: bool,
    /// Where that document goes, instead of PARTNER-REF.agreement here
    #[arg(short, long, value_name = "OUT", requires = "sign")]
    pub(crate) out: Option<PathBuf>,
    /// Replace that document if it is there
    #[arg(long, requires = "sign")]
    pub(crate) force: bool,
    /// Put an agreement on record that both have signed; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) signed: Option<PathBuf>,
    /// Take back what is on record under this name: it counts no more, and stays in the file
    #[arg(long, value_name = "REF", requires = "why")]
    pub(crate) withdraw: Option<String>,
    /// Why it is taken back
    #[arg(long, value_name = "WHY", requires = "withdraw")]
    pub(crate) why: Option<String>,
}

/// Send nothing more to a partner.
#[derive(Debug, Args)]
pub(crate) struct PartnerSuspend {
    /// Its name here
    #[arg(value_name = "PARTNER")]
    pub(crate) name: String,
    /// Why
    #[arg(long, value_name = "WHY")]
    pub(crate) why: String,
}

/// End a suspension.
#[derive(Debug, Args)]
pub(crate) struct PartnerResume {
    /// Its name here
    #[arg(value_name = "PARTNER")]
    pub(crate) name: String,
}

/// Sign an agreement that a partner offers.
#[derive(Debug, Args)]
pub(crate) struct Agree {
    /// The agreement, NAME.agreement; `-` is standard input
    pub(crate) file: PathBuf,
    /// The document that is agreed to: it must be the one whose hash you sign
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    /// Where the signed agreement goes, instead of NAME-signed.agreement here
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show it, and sign nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Sign without a question
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Sign with this key instead of your own, named as for `consign pack`
    #[arg(long, value_name = "KEY")]
    pub(crate) sign_with: Option<OsString>,
}
