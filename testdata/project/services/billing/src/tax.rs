// SPDX-License-Identifier: LicenseRef-Northwind

use crate::Cents;

/// A rate in tenths of a percent: 255 is 25.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub i64);

impl Rate {
    pub const STANDARD: Rate = Rate(255);
    /// Books, and the parcels that hold nothing else.
    pub const REDUCED: Rate = Rate(140);
}

/// Rounds half away from zero, for credits as well. The usual division would
/// round towards zero, and then a credit wouldn't cancel its invoice.
pub fn tax(net: Cents, rate: Rate) -> Cents {
    let thousandths = net * rate.0;
    (thousandths + 500 * thousandths.signum()) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_cancels_its_invoice() {
        for net in 0..2_000 {
            assert_eq!(tax(net, Rate::STANDARD), -tax(-net, Rate::STANDARD));
        }
    }
}
