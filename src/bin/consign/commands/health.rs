//! How one thing stands that `consign doctor` looks at, and the next step if it could be better.

use crate::fault::Failure;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) state: State,
    pub(super) text: String,
    pub(super) next: Option<String>,
}

impl Check {
    pub(super) fn new(what: &'static str, state: State, text: impl Into<String>) -> Check {
        Check { what, state, text: text.into(), next: None }
    }

    pub(super) fn ok(what: &'static str, text: impl Into<String>) -> Check {
        Check::new(what, State::Ok, text)
    }

    pub(super) fn warn(what: &'static str, text: impl Into<String>, next: &str) -> Check {
        Check { next: Some(next.to_owned()), ..Check::new(what, State::Warn, text) }
    }

    pub(super) fn fail(what: &'static str, text: impl Into<String>, next: &str) -> Check {
        Check { next: Some(next.to_owned()), ..Check::new(what, State::Fail, text) }
    }

    /// What an error says; `next` for one that has no fix of its own.
    pub(super) fn of(what: &'static str, error: impl Into<Failure>, next: &str) -> Check {
        let failure = error.into();
        let fix = failure.fix.first().cloned().unwrap_or_else(|| next.to_owned());
        Check::fail(what, failure.message.clone(), &fix)
    }
}
