//! Dates: whole days, UTC, spelled `YYYY-MM-DD`. A day begins and ends at midnight UTC, wherever somebody is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::time::Time;
use super::{Error, Result};

const DAY: i64 = 86_400;

/// A day: the moment when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(Time);

impl Date {
    /// The day that a moment lies in.
    #[must_use]
    pub fn of(time: Time) -> Date {
        // Every time's own date is one.
        time.date().parse().unwrap_or(Date(time))
    }

    /// How many days later `other` is; less than 0 if it is earlier.
    #[must_use]
    pub fn days_to(self, other: Date) -> i64 {
        (other.0.unix() - self.0.unix()).div_euclid(DAY)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.date())
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Date> {
        let not = || Error::NotA { text: text.chars().take(40).collect(), what: "a date such as 2027-03-31" };
        // Only ten bytes can be a date, and none of them a `T`: what is added can't be taken for a part of it.
        let time = if text.len() == 10 { format!("{text}T00:00:00Z").parse().map_err(|_| not()) } else { Err(not()) };
        time.map(Date)
    }
}

impl TryFrom<String> for Date {
    type Error = Error;
    fn try_from(text: String) -> Result<Date> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_exists_and_has_one_spelling() {
        for good in ["0000-01-01", "0001-01-01", "1969-12-31", "2000-02-29", "2028-02-29", "9999-12-31"] {
            assert_eq!(day(good).to_string(), good);
        }
        let bad = [
            "",
            "0000",
            "2027-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-04-31",
            "2026-1-01",
            "26-01-0001",
            "2026-01-01T",
            "2026/01/01",
            " 026-01-01",
            "+026-01-01",
            "-026-01-01",
            "10000-01-01",
            "2026-01-0é",
        ];
        for bad in bad {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_lasts_until_its_last_second_in_utc() {
        let of = |text: &str| Date::of(text.parse().unwrap());
        assert_eq!(of("2026-12-31T23:59:59Z"), day("2026-12-31"));
        assert_eq!(of("2027-01-01T00:00:00Z"), day("2027-01-01"));
        assert_eq!(of("1969-12-31T23:59:59Z"), day("1969-12-31"));
        assert_eq!(day("2026-12-31").days_to(day("2027-01-01")), 1);
        assert_eq!(day("2028-03-01").days_to(day("2028-02-28")), -2);
        assert_eq!(day("2026-10-31").days_to(day("2026-11-23")), 23);
        assert!(day("0000-01-01") < day("9999-12-31"));
    }
}
