// SPDX-License-Identifier: LicenseRef-Northwind

// One order from the shop to the door, through the same calls that the
// gateway makes.

use northwind_api::clock::{FixedClock, DAY};
use northwind_api::order::Line;
use northwind_api::routes::{answer, Request};
use northwind_api::scan::Scan;
use northwind_api::store::Store;

fn lamp() -> Vec<Line> {
    vec![Line { sku: "LAMP-2".to_string(), count: 3, grams: 9_000 }]
}

fn scan(counter: u32, parcel: &str, hall: &str) -> Scan {
    Scan {
        device: "h1-03".to_string(),
        counter,
        parcel: parcel.to_string(),
        hall: hall.to_string(),
        at: 0,
    }
}

#[test]
fn a_heavy_order_becomes_two_parcels() {
    let mut store = Store::default();
    let number = store.place("shop-1", lamp(), 0);
    let grams: Vec<u32> = store.parcels_of(&number).map(|parcel| parcel.grams).collect();
    // Twenty kilograms go into the first one, and the rest into the second.
    assert_eq!(grams, [20_000, 7_000]);
}

#[test]
fn the_same_reference_is_the_same_order() {
    let mut store = Store::default();
    let first = store.place("shop-1", lamp(), 0);
    let second = store.place("shop-1", lamp(), 60);
    assert_eq!(first, second);
    assert_eq!(store.order(&first).unwrap().placed_at, 0);
}

#[test]
fn a_late_scan_does_not_move_a_parcel_back() {
    let mut store = Store::default();
    let number = store.place("shop-1", lamp(), 0);
    let parcel = format!("{}-01", number.as_str());
    store.scan(&[scan(1, &parcel, "gate"), scan(2, &parcel, "door")]).unwrap();
    store.scan(&[scan(3, &parcel, "gate")]).unwrap();
    let path = format!("/orders/{}", number.as_str());
    let line = format!("GET {path} HTTP/1.1");
    let response = answer(Request::from_line(&line), &mut store, &FixedClock(4 * DAY));
    assert_eq!(response.status, 200);
    assert!(response.body.contains("delivered; no further delivery"));
}

#[test]
fn a_wrong_number_is_the_mistake_of_the_client() {
    let mut store = Store::default();
    let response = answer(Request::from_line("GET /orders/12 HTTP/1.1"), &mut store, &FixedClock(0));
    assert_eq!(response.status, 400);
}
