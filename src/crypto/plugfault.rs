//! What can go wrong with an age plugin. Each error says which one.

use std::path::PathBuf;

use crate::class::{Class, Fault};

/// An age plugin did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginFault {
    /// The user's own configuration does not name it, so it is not run.
    #[error("a key here needs age-plugin-{name}, which your config.toml does not allow to be run")]
    NotAllowed {
        /// The plugin.
        name: String,
        /// The configuration that would have to name it.
        config: Option<PathBuf>,
    },
    /// It is allowed, and not there.
    #[error("age-plugin-{name} is not there; looked in {}", places(looked))]
    Missing {
        /// The plugin.
        name: String,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// It is there, and can't be started.
    #[error("age-plugin-{name} can't be started: {}: {why}", path.display())]
    NotStarted {
        /// The plugin.
        name: String,
        /// The program.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It ended in the middle.
    #[error("age-plugin-{name} ended in the middle of its work ({how}){}", last(complaint))]
    Ended {
        /// The plugin.
        name: String,
        /// How.
        how: String,
        /// What it complained about last.
        complaint: String,
    },
    /// It was silent for too long, and nobody can be asked to touch a key.
    #[error("age-plugin-{name} did not answer within {seconds} seconds, and there is no terminal")]
    Late {
        /// The plugin.
        name: String,
        /// For how long silence was borne.
        seconds: u64,
    },
    /// It says what the protocol does not know.
    #[error("age-plugin-{name} does not speak as an age plugin does: {why}")]
    Nonsense {
        /// The plugin.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// It says that it can't lock to its key.
    #[error("age-plugin-{name} can't lock to its key: \"{said}\"")]
    CanNotLock {
        /// The plugin.
        name: String,
        /// Its own words.
        said: String,
    },
    /// It says that it can't open with its key.
    #[error("age-plugin-{name} does not open it: \"{said}\"")]
    CanNotOpen {
        /// The plugin.
        name: String,
        /// Its own words.
        said: String,
    },
    /// It asks, and there is nobody to answer.
    #[error("age-plugin-{name} asks for {what}, and there is no terminal to ask on")]
    NeedsAPerson {
        /// The plugin.
        name: String,
        /// For what.
        what: &'static str,
    },
    /// Whoever waited for it was stopped.
    #[error("stopped while age-plugin-{name} was at work")]
    Stopped {
        /// The plugin.
        name: String,
    },
}

/// The last thing it complained about, cut to what a person reads.
fn last(complaint: &str) -> String {
    match complaint.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) => format!(": \"{}\"", line.chars().take(200).collect::<String>()),
        None => String::new(),
    }
}

fn places(looked: &[PathBuf]) -> String {
    match looked {
        [] => "no folder: PATH is empty".to_owned(),
        some => some.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

impl Fault for PluginFault {
    fn word(&self) -> &'static str {
        match self {
            PluginFault::NotAllowed { .. } => "plugin-not-allowed",
            PluginFault::Missing { .. } => "plugin-missing",
            PluginFault::NotStarted { .. } | PluginFault::Ended { .. } | PluginFault::Nonsense { .. } => {
                "plugin-broken"
            }
            PluginFault::Late { .. } => "plugin-timeout",
            PluginFault::CanNotLock { .. } | PluginFault::CanNotOpen { .. } => "plugin-refused",
            PluginFault::NeedsAPerson { .. } => "needs-pin",
            PluginFault::Stopped { .. } => "stopped",
        }
    }

    fn class(&self) -> Class {
        match self {
            PluginFault::NotAllowed { .. } => Class::Refused,
            PluginFault::CanNotOpen { .. } => Class::WrongKey,
            PluginFault::Late { .. } | PluginFault::NeedsAPerson { .. } => Class::NeedsAPerson,
            PluginFault::Stopped { .. } => Class::Stopped(2),
            _ => Class::Failed,
        }
    }
}
