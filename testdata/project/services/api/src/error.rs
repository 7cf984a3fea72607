// SPDX-License-Identifier: LicenseRef-Northwind

use std::fmt;

/// Everything that can go wrong, with the thing that was wrong in it.
///
/// The text goes to shops as it is, so it doesn't mention tables, paths, or
/// anything else that belongs to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A number with a wrong length, a wrong digit, or a wrong check digit.
    Number(String),
    /// The thing is not there, or it belongs to another shop. The two cases
    /// look the same from outside on purpose.
    Missing(String),
    /// A scan that would move a parcel backwards.
    Backwards { parcel: String, from: &'static str, to: &'static str },
    /// A batch with more scans than a scanner can hold.
    Batch(usize),
    /// A flag of the program.
    Setting(String),
}

impl Error {
    /// The HTTP status that fits. Shops retry on 5xx only, so a mistake of
    /// theirs must never become one.
    pub fn status(&self) -> u16 {
        match self {
            Error::Number(_) | Error::Batch(_) => 400,
            Error::Missing(_) => 404,
            Error::Backwards { .. } => 409,
            Error::Setting(_) => 500,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Number(number) => write!(f, "`{number}` is not a valid number"),
            Error::Missing(number) => write!(f, "`{number}` is not known"),
            Error::Backwards { parcel, from, to } => {
                write!(f, "parcel {parcel} cannot go from {from} to {to}")
            }
            Error::Batch(count) => write!(f, "{count} scans in one batch; 64 is the most"),
            Error::Setting(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}
