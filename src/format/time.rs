//! Times: whole seconds, UTC, spelled `YYYY-MM-DDTHH:MM:SSZ`. The only door to `jiff`.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Error, Result};

// A `Timestamp` ends a day before the year 9999 does; a calendar has every second that can be spelled.
const EPOCH: civil::DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// A moment, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(i64);

impl Time {
    /// From seconds since 1970; clamped to the years 0001 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Time(seconds.clamp(-62_135_596_800, 253_402_300_799))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The date alone, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }

    /// For people: `YYYY-MM-DD HH:MM UTC`.
    #[must_use]
    pub fn for_people(self) -> String {
        let mut text = String::with_capacity(20);
        self.push_minute(&mut text);
        text + " UTC"
    }

    /// Appends `YYYY-MM-DD HH:MM`, in UTC.
    pub fn push_minute(self, out: &mut String) {
        let text = self.spelled();
        let text = std::str::from_utf8(&text).unwrap_or_default();
        out.push_str(text.get(..10).unwrap_or_default());
        out.push(' ');
        out.push_str(text.get(11..16).unwrap_or_default());
    }

    /// When something ends that people write as a date (its last second, UTC), a time, or a span from `now`
    /// such as `90d` or `18mo`.
    ///
    /// # Errors
    /// [`Error::NotA`] for anything else, and for a moment that is not after `now`.
    pub fn parse_end(text: &str, now: Time) -> Result<Time> {
        let not = |what| Error::NotA { text: text.to_owned(), what };
        let end = if let Ok(time) = text.parse::<Time>() {
            time
        } else if let Ok(date) = text.parse::<civil::Date>() {
            let last = date.at(23, 59, 59, 0).to_zoned_datetime(jiff::tz::TimeZone::UTC);
            Time::from_unix(last.map_err(|_| not("a date that a calendar holds"))?.timestamp().as_second())
        } else if let Ok(span) = text.parse::<Span>() {
            let now = now.timestamp().to_zoned_datetime(jiff::tz::TimeZone::UTC);
            let end = now.checked_add(span).map_err(|_| not("a span that a calendar holds"))?;
            Time::from_unix(end.timestamp().as_second())
        } else {
            return Err(not("a date (2027-03-31), a time (2027-03-31T12:00:00Z) or a span (90d)"));
        };
        if end <= now { Err(not("in the future")) } else { Ok(end) }
    }

    /// This moment and a span such as `90d` or `18mo`; none for what is no span, for one that goes back, and beyond all
    /// calendars.
    #[must_use]
    pub fn later_by(self, span: &str) -> Option<Time> {
        let from = self.timestamp().to_zoned_datetime(jiff::tz::TimeZone::UTC);
        let end = from.checked_add(span.parse::<Span>().ok()?).ok()?;
        let end = Time::from_unix(end.timestamp().as_second());
        (end > self).then_some(end)
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// By hand, since a listing shows one for each entry; `strftime` takes ten times as long.
    fn spelled(self) -> [u8; 20] {
        let time = self.civil();
        let mut text = *b"0000-00-00T00:00:00Z";
        put(&mut text[0..4], time.year());
        put(&mut text[5..7], time.month().into());
        put(&mut text[8..10], time.day().into());
        put(&mut text[11..13], time.hour().into());
        put(&mut text[14..16], time.minute().into());
        put(&mut text[17..19], time.second().into());
        text
    }

    fn civil(self) -> civil::DateTime {
        EPOCH.checked_add(SignedDuration::from_secs(self.0)).unwrap_or(EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.spelled()).map_err(|_| fmt::Error)?)
    }
}

/// Writes a number's last digits.
fn put(digits: &mut [u8], number: i16) {
    let mut rest = number.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let not = || Error::NotA { text: text.chars().take(40).collect(), what: "a time such as 2026-11-23T13:40:00Z" };
        let date = text.strip_suffix('Z').filter(|date| date.len() == 19).ok_or_else(not)?;
        let date: civil::DateTime = date.parse().map_err(|_| not())?;
        let time = Time(date.duration_since(EPOCH).as_secs());
        if time.to_string() == text { Ok(time) } else { Err(not()) }
    }
}

impl TryFrom<String> for Time {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> String {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        let time: Time = "2026-11-23T13:40:00Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-23T13:40:00Z");
        assert_eq!(time.for_people(), "2026-11-23 13:40 UTC");
        for bad in
            ["2026-11-23T13:40:00+00:00", "2026-11-23 13:40:00Z", "2026-11-23T13:40:60Z", "2026-02-30T13:40:00Z", ""]
        {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
        assert_eq!(Time::from_unix(0).to_string(), "1970-01-01T00:00:00Z");
        for seconds in [i64::MIN, -1, 951_827_696, 4_260_000_001, i64::MAX] {
            let time = Time::from_unix(seconds);
            assert_eq!(time.to_string(), time.civil().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        }
        for first_and_last in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(first_and_last.parse::<Time>().unwrap().to_string(), first_and_last);
        }
        assert_eq!(Time::from_unix(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn an_end_is_a_date_a_time_or_a_span_and_lies_ahead() {
        let now: Time = "2026-11-23T13:40:00Z".parse().unwrap();
        assert_eq!(Time::parse_end("2026-11-23", now).unwrap().to_string(), "2026-11-23T23:59:59Z");
        assert_eq!(Time::parse_end("90d", now).unwrap().to_string(), "2027-02-21T13:40:00Z");
        assert_eq!(Time::parse_end("18mo", now).unwrap().to_string(), "2028-05-23T13:40:00Z");
        assert!(Time::parse_end("2026-11-22", now).is_err());
        assert!(Time::parse_end("soon", now).is_err());
    }
}
