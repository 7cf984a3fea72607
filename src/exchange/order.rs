//! What should be sent to whom: everything that sending must be told.

use std::path::Path;
use std::sync::Arc;

use super::Workspace;
use super::locks::Locks;
use super::screen::Screen;
use crate::crypto::Plugins;
use crate::files::Glob;
use crate::format::time::Time;
use crate::policy::Reason;

/// What should be sent to whom.
pub struct Send<'a> {
    /// A folder, or where the git repository is.
    pub path: &'a Path,
    /// A revision instead of the folder's files.
    pub rev: Option<&'a str>,
    /// `--include` and `--exclude`, in their order.
    pub globs: &'a [Glob],
    /// Send names that some platform can't hold.
    pub allow_unportable: bool,
    /// The latest time of a file (`SOURCE_DATE_EPOCH`).
    pub latest: Option<u64>,
    /// The rules of the project, if it has any.
    pub workspace: Option<&'a Workspace>,
    /// What everything goes through that leaves.
    pub screen: &'a Screen,
    /// Partners, each with the scope that it gets.
    pub to: &'a [To],
    /// The scope of those who have none of their own.
    pub scope: Option<&'a str>,
    /// Send what no scope chose: the whole folder.
    pub all: bool,
    /// Somebody said that a scope may let out far more than last time.
    pub grown_is_meant: bool,
    /// Why a rule that says no is set aside this once.
    pub override_why: Option<&'a Reason>,
    /// Recipients without a partner.
    pub recipients: &'a [String],
    /// The sender's own keys, to which the private part is locked, and the bundle unless `no_self`.
    pub own: &'a Locks,
    /// Don't lock the bundle to the sender.
    pub no_self: bool,
    /// What runs the plugins that it takes to lock to somebody; none is run without it.
    pub plugins: Option<&'a Arc<dyn Plugins>>,
    /// The bundle's name, instead of the next number.
    pub name: Option<&'a str>,
    /// Where the bundle goes.
    pub out: Output<'a>,
    /// Replace an existing output.
    pub force: bool,
    /// The text of the terms, instead of the project's.
    pub terms: Option<&'a str>,
    /// When it ends.
    pub expires: Option<Time>,
    /// What it is for.
    pub purpose: &'a str,
    /// The zstd level.
    pub level: i32,
    /// Look into what is left out, and write nothing.
    pub dry_run: bool,
    /// Now.
    pub now: Time,
    /// This program.
    pub tool: &'a str,
    /// How many threads may work.
    pub workers: usize,
}

/// Where a bundle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// `NAME.consign` in this folder.
    Folder(&'a Path),
    /// This file.
    File(&'a Path),
    /// A stream that the caller holds.
    Stream,
}

/// A partner, and the scope that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct To {
    /// Its name here.
    pub partner: String,
    /// The scope, if it is named with the partner.
    pub scope: Option<String>,
}

impl From<&str> for To {
    /// `PARTNER` or `PARTNER:SCOPE`. Neither name can hold a colon.
    fn from(text: &str) -> To {
        match text.split_once(':') {
            Some((partner, scope)) => To { partner: partner.to_owned(), scope: Some(scope.to_owned()) },
            None => To { partner: text.to_owned(), scope: None },
        }
    }
}
