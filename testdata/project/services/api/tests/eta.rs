// SPDX-License-Identifier: LicenseRef-Northwind

// The estimate on days when somebody once got a wrong one.

use northwind_api::clock::{DAY, HOUR};
use northwind_api::eta::{estimate, words};
use northwind_api::parcel::State;

// Day 4 after the epoch is a Monday, which makes the tests easy to read.
const MONDAY: i64 = 4 * DAY;

#[test]
fn packed_on_monday_arrives_on_wednesday() {
    let window = estimate(State::Packed, MONDAY + 9 * HOUR).unwrap();
    assert_eq!(window.from, MONDAY + 2 * DAY + 10 * HOUR);
}

#[test]
fn after_the_van_has_left_it_takes_a_day_more() {
    let window = estimate(State::Packed, MONDAY + 18 * HOUR).unwrap();
    assert_eq!(window.from, MONDAY + 3 * DAY + 10 * HOUR);
}

#[test]
fn sundays_do_not_count() {
    let saturday = MONDAY + 5 * DAY;
    let window = estimate(State::Loaded, saturday).unwrap();
    assert_eq!(window.from, saturday + 2 * DAY + 10 * HOUR);
    assert_eq!(words(Some(window), saturday), "in 2 days");
}

#[test]
fn a_lost_parcel_has_no_estimate() {
    assert_eq!(words(estimate(State::Lost, MONDAY), MONDAY), "no further delivery");
}
