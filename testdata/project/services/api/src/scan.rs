// SPDX-License-Identifier: LicenseRef-Northwind

// Scans arrive late, in groups, and sometimes twice, since a scanner loses
// the radio behind steel shelves. Nothing here may depend on their order
// across devices.

use crate::clock::Seconds;
use crate::error::Error;
use crate::parcel::State;

/// What fits into the queue of the firmware. Keep it equal to `SCAN_QUEUE_SIZE`.
pub const BATCH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub device: String,
    /// The device counts its own scans from one. The count never goes back,
    /// not even when the battery was taken out.
    pub counter: u32,
    pub parcel: String,
    pub hall: String,
    pub at: Seconds,
}

impl Scan {
    /// The state that a scan in this hall means. Halls are named after what
    /// happens in them, and a name we don't know is a place on the way.
    pub fn state(&self) -> State {
        match self.hall.as_str() {
            "packing" => State::Packed,
            "gate" => State::Loaded,
            "door" => State::Delivered,
            _ => State::OnTheWay,
        }
    }
}

/// Checks a batch before anything of it is stored: either all of it is taken
/// or nothing, so the scanner needs to remember one number only.
pub fn check_batch(scans: &[Scan]) -> Result<(), Error> {
    if scans.len() > BATCH {
        return Err(Error::Batch(scans.len()));
    }
    // Counters must rise. Two equal ones in a batch would mean that the
    // scanner is broken, and then we would rather hear about it.
    for pair in scans.windows(2) {
        if pair[0].device != pair[1].device || pair[0].counter >= pair[1].counter {
            return Err(Error::Number(format!("{} {}", pair[1].device, pair[1].counter)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(counter: u32) -> Scan {
        Scan {
            device: "h2-17".to_string(),
            counter,
            parcel: "000000093-01".to_string(),
            hall: "gate".to_string(),
            at: 0,
        }
    }

    #[test]
    fn counters_must_rise() {
        assert!(check_batch(&[scan(1), scan(2)]).is_ok());
        assert!(check_batch(&[scan(2), scan(2)]).is_err());
    }

    #[test]
    fn a_batch_has_a_limit() {
        let scans: Vec<Scan> = (1..=65).map(scan).collect();
        assert_eq!(check_batch(&scans), Err(Error::Batch(65)));
    }
}
