// SPDX-License-Identifier: LicenseRef-Northwind

// The only place that changes anything. In production this sits on top of the
// database; the version here keeps it all in memory and has the same rules.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Seconds;
use crate::error::Error;
use crate::order::{Line, Order, OrderNumber};
use crate::parcel::Parcel;
use crate::scan::{check_batch, Scan};

/// No parcel may be heavier than one person can lift.
const PARCEL_GRAMS: u32 = 20_000;

#[derive(Default)]
pub struct Store {
    orders: BTreeMap<OrderNumber, Order>,
    parcels: BTreeMap<String, Parcel>,
    // From the reference of the shop to our number, so that a shop which
    // calls twice gets the same order twice.
    references: HashMap<String, OrderNumber>,
    // The highest counter seen, for each scanner.
    counters: HashMap<String, u32>,
}

impl Store {
    /// Takes an order and packs it. The second call with the same reference
    /// changes nothing and returns the first order.
    pub fn place(&mut self, reference: &str, lines: Vec<Line>, now: Seconds) -> OrderNumber {
        if let Some(number) = self.references.get(reference) {
            return number.clone();
        }
        let number = OrderNumber::nth(self.orders.len() as u32 + 1);
        let order = Order {
            number: number.clone(),
            shop_reference: reference.to_string(),
            lines,
            placed_at: now,
        };
        self.pack(&order);
        self.references.insert(reference.to_string(), number.clone());
        self.orders.insert(number.clone(), order);
        number
    }

    // Fills one parcel after the other. The warehouse does this better than we
    // can, but its answer comes hours later, and a shop wants a count now.
    fn pack(&mut self, order: &Order) {
        let mut left = order.grams();
        let mut index = 1u8;
        loop {
            let grams = left.min(PARCEL_GRAMS);
            let parcel = Parcel::new(&order.number, index, grams);
            self.parcels.insert(parcel.number.clone(), parcel);
            left -= grams;
            // Ninety-nine parcels are the most that the label can show.
            if left == 0 || index == 99 {
                return;
            }
            index += 1;
        }
    }

    pub fn order(&self, number: &OrderNumber) -> Result<&Order, Error> {
        self.orders.get(number).ok_or_else(|| Error::Missing(number.as_str().to_string()))
    }

    pub fn parcels_of<'a>(&'a self, number: &'a OrderNumber) -> impl Iterator<Item = &'a Parcel> {
        self.parcels.values().filter(move |parcel| &parcel.order == number)
    }

    /// Returns all parcels after the given number, in the order of their numbers.
    pub fn parcels_after<'a>(&'a self, after: &'a str) -> impl Iterator<Item = &'a Parcel> {
        self.parcels.values().filter(move |parcel| parcel.number.as_str() > after)
    }

    /// Stores a batch and returns the highest counter that is safe. A scan that
    /// was stored before is skipped. A scan that would move a parcel backwards
    /// is skipped as well: it is late, and the parcel is further on already.
    pub fn scan(&mut self, scans: &[Scan]) -> Result<u32, Error> {
        check_batch(scans)?;
        let Some(last) = scans.last() else { return Ok(0) };
        let known = self.counters.get(&last.device).copied().unwrap_or(0);
        for scan in scans.iter().filter(|scan| scan.counter > known) {
            // A label that we don't know belongs to another firm. That happens
            // at the gate, and the scanner must not stop because of it.
            if let Some(parcel) = self.parcels.get_mut(&scan.parcel) {
                let _late = parcel.advance(scan.state(), &scan.hall).is_err();
            }
        }
        let stored = known.max(last.counter);
        self.counters.insert(last.device.clone(), stored);
        Ok(stored)
    }
}
