// SPDX-License-Identifier: LicenseRef-Northwind

// The estimate that a customer sees. It is a promise, so it is rather a day
// late than an hour early: nobody complains about a parcel that came too soon.

use crate::clock::{weekday, Seconds, DAY, HOUR};
use crate::parcel::State;

/// The vans leave once a day, at six in the evening, in UTC.
const VAN_LEAVES: Seconds = 18 * HOUR;

/// A span of two whole hours in which the parcel should arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Seconds,
    pub until: Seconds,
}

/// Estimates when a parcel arrives, or returns nothing if it never will or
/// already did.
pub fn estimate(state: State, now: Seconds) -> Option<Window> {
    let days = match state {
        State::Packed => 2,
        State::Loaded | State::OnTheWay => 1,
        State::Delivered | State::Lost => return None,
    };
    // After the van has left, today is over for a parcel that is not in it.
    let missed = state == State::Packed && now.rem_euclid(DAY) >= VAN_LEAVES;
    let mut day = now.div_euclid(DAY);
    let mut left = days + i64::from(missed);
    while left > 0 {
        day += 1;
        // The drivers rest on Sundays. Saturdays count, although some of the
        // smaller towns do not get a delivery then.
        if weekday(day * DAY) != 6 {
            left -= 1;
        }
    }
    let from = day * DAY + 10 * HOUR;
    Some(Window { from, until: from + 2 * HOUR })
}

/// Words for the page. The exact hour is shown on the last day only, because
/// before that it would change too often.
pub fn words(window: Option<Window>, now: Seconds) -> String {
    let Some(window) = window else {
        return "no further delivery".to_string();
    };
    let days = window.from.div_euclid(DAY) - now.div_euclid(DAY);
    match days {
        0 => format!("today, {} to {}", hour(window.from), hour(window.until)),
        1 => "tomorrow".to_string(),
        days => format!("in {days} days"),
    }
}

fn hour(at: Seconds) -> String {
    format!("{:02}:00", at.rem_euclid(DAY) / HOUR)
}
