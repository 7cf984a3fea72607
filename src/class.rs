//! The classes of outcome: every error of every floor belongs to exactly one, and the class is the
//! process's exit code. The numbers are a contract (README, every man page); they never change.

/// The class of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 1: I/O, the target exists, or a bug.
    Failed,
    /// 2: bad flags, nothing matched.
    Usage,
    /// 3: not a bundle, tampered with, cut short, a bad or missing signature, a file missing, extra or different.
    Changed,
    /// 4: no key here opens it, or its key is held back.
    WrongKey,
    /// 5: signer unknown, revoked, or not valid at that time.
    Untrusted,
    /// 6: agreement, scope, terms, expiry, key assurance, policy or revocation says no.
    Refused,
    /// 7: secrets in a drop, out-of-scope files in a return, differences.
    Findings,
    /// 8: ledger broken or forked.
    Record,
    /// 9: passphrase, PIN or touch needed and no terminal.
    NeedsAPerson,
    /// 10: path escape, name collision, special file, bomb, format newer than this program.
    Unsafe,
    /// 129, 130, 141, 143: interrupted, or the reader of a pipe left. Holds the signal number.
    Stopped(u8),
}

/// All classes with a fixed code, in the order in which one wins over another when several apply.
pub const PRECEDENCE: [Class; 10] = [
    Class::Changed,
    Class::Unsafe,
    Class::Record,
    Class::Untrusted,
    Class::Refused,
    Class::Findings,
    Class::WrongKey,
    Class::NeedsAPerson,
    Class::Failed,
    Class::Usage,
];

impl Class {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Class::Failed => 1,
            Class::Usage => 2,
            Class::Changed => 3,
            Class::WrongKey => 4,
            Class::Untrusted => 5,
            Class::Refused => 6,
            Class::Findings => 7,
            Class::Record => 8,
            Class::NeedsAPerson => 9,
            Class::Unsafe => 10,
            Class::Stopped(signal) => 128 + signal,
        }
    }

    /// The word of the class, as the exit code table has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Failed => "failed",
            Class::Usage => "usage",
            Class::Changed => "changed",
            Class::WrongKey => "wrong-key",
            Class::Untrusted => "untrusted",
            Class::Refused => "refused",
            Class::Findings => "findings",
            Class::Record => "record",
            Class::NeedsAPerson => "needs-a-person",
            Class::Unsafe => "unsafe",
            Class::Stopped(_) => "stopped",
        }
    }

    /// The one that decides the exit code when several outcomes are reported at once.
    #[must_use]
    pub fn worst(self, other: Class) -> Class {
        let rank = |class: Class| PRECEDENCE.iter().position(|c| *c == class);
        match (rank(self), rank(other)) {
            (None, _) => self,
            (_, None) => other,
            (Some(a), Some(b)) if a <= b => self,
            _ => other,
        }
    }
}

/// What every error of this library can say about itself.
pub trait Fault: std::error::Error {
    /// The fixed word, such as `cut-short`: the JSON `code`. It belongs to one class for ever.
    fn word(&self) -> &'static str;
    /// The class, and with it the exit code.
    fn class(&self) -> Class;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_follows_the_documented_order() {
        assert_eq!(Class::Failed.worst(Class::Changed), Class::Changed);
        assert_eq!(Class::Untrusted.worst(Class::WrongKey), Class::Untrusted);
        assert_eq!(Class::Unsafe.worst(Class::Record), Class::Unsafe);
        let codes: Vec<u8> = PRECEDENCE.iter().map(|c| c.code()).collect();
        assert_eq!(codes, [3, 10, 8, 5, 6, 7, 4, 9, 1, 2]);
    }
}
