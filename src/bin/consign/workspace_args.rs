//! The arguments of the commands that make and read a workspace.

use std::path::PathBuf;

use clap::Args;

/// Make a workspace.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Who owns the files; else the firm on your card
    #[arg(long, value_name = "FIRM")]
    pub(crate) owner: Option<String>,
    /// Their licence, an SPDX expression; else LicenseRef-Proprietary
    #[arg(long, value_name = "SPDX")]
    pub(crate) licence: Option<String>,
    /// The terms that travel in every bundle, a text file; else a short text to begin with
    #[arg(long, value_name = "FILE")]
    pub(crate) terms: Option<PathBuf>,
}
