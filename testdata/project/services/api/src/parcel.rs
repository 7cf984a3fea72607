// SPDX-License-Identifier: LicenseRef-Northwind

// A parcel has one state, and the states only move forward. A parcel that
// comes back gets a new label, and with it a new number.

use crate::error::Error;
use crate::order::OrderNumber;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Packed = 1,
    Loaded = 2,
    OnTheWay = 3,
    Delivered = 4,
    Lost = 5,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Packed => "packed",
            State::Loaded => "loaded",
            State::OnTheWay => "on the way",
            State::Delivered => "delivered",
            State::Lost => "lost",
        }
    }

    /// Returns true if nothing can happen to the parcel any more.
    pub fn is_final(self) -> bool {
        matches!(self, State::Delivered | State::Lost)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The order number, a dash, and two digits: the third parcel of an order
    /// ends in `-03`.
    pub number: String,
    pub order: OrderNumber,
    pub state: State,
    pub grams: u32,
    /// Where it was last seen. Empty until the first scan.
    pub hall: String,
}

impl Parcel {
    pub fn new(order: &OrderNumber, index: u8, grams: u32) -> Parcel {
        Parcel {
            number: format!("{}-{index:02}", order.as_str()),
            order: order.clone(),
            state: State::Packed,
            grams,
            hall: String::new(),
        }
    }

    /// Moves the parcel to a state. The same state again is not an error: two
    /// people at one gate scan the same parcel more often than you would think.
    pub fn advance(&mut self, to: State, hall: &str) -> Result<(), Error> {
        if to < self.state || (self.state.is_final() && to != self.state) {
            return Err(Error::Backwards {
                parcel: self.number.clone(),
                from: self.state.word(),
                to: to.word(),
            });
        }
        self.state = to;
        self.hall = hall.to_string();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivered_parcel_cannot_get_lost() {
        let mut parcel = Parcel::new(&OrderNumber::nth(9), 1, 400);
        parcel.advance(State::Delivered, "door").unwrap();
        assert!(parcel.advance(State::Lost, "").is_err());
        // The failed call leaves the parcel as it was.
        assert_eq!(parcel.hall, "door");
    }
}
