//! The arguments of `consign scope`. Their doc comments are the manual.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Show which files each partner may get, and why.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Scope {
    #[command(subcommand)]
    pub(crate) verb: ScopeVerb,
}

/// What can be asked about scopes.
#[derive(Debug, Subcommand)]
pub(crate) enum ScopeVerb {
    /// List the scopes: for whom each is, until when, and how much it lets out now
    ///
    /// A scope that can't be read is named with its mistake, and the exit code is 1. A line that matches nothing is
    /// named too: a mistyped `exclude` keeps nothing in.
    List(ScopeList),
    /// Show a scope: its lines, and what it lets out now, folder by folder
    Show(ScopeShow),
    /// Say for each scope whether it lets a path out, and by which line
    ///
    /// The path need not be there; then the answer is by its name alone. Rules that leave it out of every bundle are
    /// named as well: .gitignore, .consignignore, and what is never sent.
    Explain(ScopeExplain),
}

/// List the scopes.
#[derive(Debug, Args)]
pub(crate) struct ScopeList {}

/// Show a scope.
#[derive(Debug, Args)]
pub(crate) struct ScopeShow {
    /// Its name
    #[arg(value_name = "SCOPE")]
    pub(crate) scope: String,
}

/// Explain a path.
#[derive(Debug, Args)]
pub(crate) struct ScopeExplain {
    /// A file or folder of the project
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
}
