// SPDX-License-Identifier: LicenseRef-Northwind

// Time comes in from the outside. Code that asks the system for the time in
// the middle of a calculation can't be tested, and we have paid for that once.

/// Seconds since 1970, in UTC.
pub type Seconds = i64;

pub const HOUR: Seconds = 3_600;
pub const DAY: Seconds = 24 * HOUR;

pub trait Clock {
    /// Returns the present time. It may stand still between two calls, and it
    /// may even go back when the operator corrects it.
    fn now(&self) -> Seconds;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Seconds {
        // A clock before 1970 is broken; zero is as good an answer as any.
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map(|elapsed| elapsed.as_secs() as Seconds)
            .unwrap_or(0)
    }
}

/// A clock for tests: it shows what it was given.
pub struct FixedClock(pub Seconds);

impl Clock for FixedClock {
    fn now(&self) -> Seconds {
        self.0
    }
}

/// Returns the number of the day of the week, with Monday as zero.
///
/// The first of January 1970 was a Thursday, which is why three is added.
pub fn weekday(at: Seconds) -> i64 {
    (at.div_euclid(DAY) + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_a_thursday() {
        assert_eq!(weekday(0), 3);
        // One second before midnight is still the day before.
        assert_eq!(weekday(-1), 2);
    }
}
