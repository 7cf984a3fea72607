// SPDX-License-Identifier: LicenseRef-Northwind

// Orders and their numbers. A number is eight digits and a check digit, so
// that a person who reads it over the telephone can't easily get it wrong.

use crate::clock::Seconds;
use crate::error::Error;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// Makes the number for the n-th order that we took.
    pub fn nth(n: u32) -> OrderNumber {
        let digits = format!("{:08}", n % 100_000_000);
        let check = check_digit(&digits);
        OrderNumber(format!("{digits}{check}"))
    }

    /// Reads a number that came from outside. Spaces are allowed, because the
    /// paper slip prints the digits in groups of three.
    pub fn parse(text: &str) -> Result<OrderNumber, Error> {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let good = digits.len() == 9
            && digits.bytes().all(|b| b.is_ascii_digit())
            && digits.ends_with(check_digit(&digits[..8]));
        if good {
            Ok(OrderNumber(digits))
        } else {
            Err(Error::Number(text.to_string()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// Weights 3 and 1 in turn, as on bar codes. This finds every single wrong
// digit, and most cases where two neighbours were swapped.
fn check_digit(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(i, b)| u32::from(b - b'0') * if i % 2 == 0 { 3 } else { 1 })
        .sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub sku: String,
    pub count: u32,
    pub grams: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub number: OrderNumber,
    /// What the shop calls it. We keep it, and we do not look into it.
    pub shop_reference: String,
    pub lines: Vec<Line>,
    pub placed_at: Seconds,
}

impl Order {
    /// The weight of all pieces, without boxes. A weight that is too large
    /// for the type is certainly an error of the shop; it becomes the largest.
    pub fn grams(&self) -> u32 {
        self.lines
            .iter()
            .fold(0u32, |sum, line| sum.saturating_add(line.grams.saturating_mul(line.count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_survives_the_paper_slip() {
        let number = OrderNumber::nth(1_204);
        let slip = format!("{} {} {}", &number.as_str()[..3], &number.as_str()[3..6], &number.as_str()[6..]);
        assert_eq!(OrderNumber::parse(&slip), Ok(number));
    }

    #[test]
    fn one_wrong_digit_is_found() {
        let good = OrderNumber::nth(77).as_str().to_string();
        for at in 0..8 {
            let mut bad = good.clone().into_bytes();
            bad[at] = b'0' + (bad[at] - b'0' + 1) % 10;
            // Every change of one digit changes the sum by something that is
            // not a multiple of ten.
            assert!(OrderNumber::parse(&String::from_utf8(bad).unwrap()).is_err());
        }
    }
}
