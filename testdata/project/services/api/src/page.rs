// SPDX-License-Identifier: LicenseRef-Northwind

// Pages of a long list. The token is the last number of the page before, so
// a page stays right while new parcels arrive, and we need not remember what
// a shop has seen.

use crate::parcel::Parcel;

#[derive(Debug, PartialEq, Eq)]
pub struct Page<'a> {
    pub parcels: Vec<&'a Parcel>,
    /// Where to go on, or nothing at the end of the list.
    pub next: Option<&'a str>,
}

/// Takes the first `size` parcels of a sorted run. One more is looked at, only
/// to know whether there is a next page.
pub fn page<'a>(parcels: impl Iterator<Item = &'a Parcel>, size: usize) -> Page<'a> {
    let mut parcels: Vec<&Parcel> = parcels.take(size + 1).collect();
    let more = parcels.len() > size;
    parcels.truncate(size);
    let next = match parcels.last() {
        Some(last) if more => Some(last.number.as_str()),
        _ => None,
    };
    Page { parcels, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderNumber;

    #[test]
    fn the_last_page_has_no_token() {
        let order = OrderNumber::nth(5);
        let all: Vec<Parcel> = (1..=3).map(|i| Parcel::new(&order, i, 100)).collect();
        // Three parcels on pages of two: one full page, and one with the rest.
        let first = page(all.iter(), 2);
        assert_eq!(first.next, Some(all[1].number.as_str()));
        let second = page(all[2..].iter(), 2);
        assert_eq!(second.parcels.len(), 1);
        assert_eq!(second.next, None);
    }
}
