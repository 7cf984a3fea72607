//! The arguments of `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Look for what must not leave.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The folder, or the git repository for --rev; or files
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Look at this revision of the git repository instead of the files on disk
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Look only at what this scope of the workspace lets out
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// Take further rules from this file, in the form of gitleaks; else those that project.toml names
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// How findings are written: text for people, json, sarif (2.1.0), junit, or github (annotations of its Actions)
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub(crate) format: Format,
    /// Let out what is found at this line from now on, and keep that on record (needs --why)
    ///
    /// It goes into `.consign/allow.toml`, without a workspace into allow.toml in CONSIGN_HOME, and is pinned to what was
    /// found: moved within its file it stays allowed, changed it does not. FILE alone means what is found in its name, or
    /// about all of it.
    #[arg(long, value_name = "FILE:LINE", requires = "why", conflicts_with_all = ["rev", "paths", "scope", "rules"])]
    pub(crate) allow: Option<String>,
    /// Why it may leave
    #[arg(long, value_name = "TEXT", requires = "allow")]
    pub(crate) why: Option<String>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Sarif,
    Junit,
    Github,
}
