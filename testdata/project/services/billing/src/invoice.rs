// SPDX-License-Identifier: LicenseRef-Northwind

use crate::tax::{tax, Rate};
use crate::Cents;

/// What a shop pays for one parcel of a weight class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub up_to_grams: u32,
    pub cents: Cents,
}

/// The prices of one agreement, lightest class first. The last class has to
/// hold everything, or a heavy parcel would be carried for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices(pub Vec<Price>);

impl Prices {
    pub fn of(&self, grams: u32) -> Option<Cents> {
        self.0.iter().find(|price| grams <= price.up_to_grams).map(|price| price.cents)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub net: Cents,
    pub tax: Cents,
    /// Parcels for which the agreement has no price. Somebody has to look at
    /// them; the invoice is not sent before that.
    pub unpriced: usize,
}

impl Invoice {
    /// Adds up the parcels of a month. The tax is taken from the sum and not
    /// from each line, as the law asks, so that rounding happens only once.
    pub fn of(parcels: &[u32], prices: &Prices, rate: Rate) -> Invoice {
        let priced: Vec<Option<Cents>> = parcels.iter().map(|grams| prices.of(*grams)).collect();
        let net = priced.iter().flatten().sum();
        Invoice {
            net,
            tax: tax(net, rate),
            unpriced: priced.iter().filter(|cents| cents.is_none()).count(),
        }
    }

    pub fn gross(&self) -> Cents {
        self.net + self.tax
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_without_a_price_is_counted() {
        let prices = Prices(vec![
            Price { up_to_grams: 1_000, cents: 410 },
            Price { up_to_grams: 20_000, cents: 890 },
        ]);
        let invoice = Invoice::of(&[400, 1_000, 1_001, 25_000], &prices, Rate::STANDARD);
        assert_eq!(invoice.net, 410 + 410 + 890);
        assert_eq!(invoice.unpriced, 1);
    }
}
