//! The scan of an age file's head before the `age` crate sees it, and what that crate then makes of it.

use consign::class::Fault;
use consign::crypto::{AgeHead, HeadLimits};

use super::firm;

pub fn run(data: &[u8]) {
    for limits in [HeadLimits::KEY, HeadLimits::VOLUME] {
        scan(data, limits);
    }
    let volume = AgeHead::of_compartment(data, "x").is_ok();
    let key = AgeHead::of_key(data, "x").is_ok();
    let mut plain = Vec::new();
    match firm::compartment().decrypt_into(data, "x", &mut plain) {
        Ok(()) => assert!(volume),
        Err(e) => assert!(matches!(e.word(), "changed" | "too-large"), "{e}"),
    }
    match firm::vendor().open(data, "x", 4096) {
        Ok(opened) => assert!(key && opened.plain.expose().len() <= 4096),
        Err(e) => assert_ne!(e.word(), "failed", "{e}"),
    }
}

fn scan(data: &[u8], limits: HeadLimits) {
    let head = match AgeHead::scan(data, limits, "x") {
        Ok(head) => head,
        Err(e) => return assert!(matches!(e.word(), "changed" | "too-large"), "{e}"),
    };
    assert!(head.len <= limits.bytes && head.stanzas.len() <= limits.stanzas && !head.stanzas.is_empty());
    assert_eq!(AgeHead::scan(&data[..head.len], limits, "x").unwrap(), head);
    assert!(AgeHead::scan(&data[..head.len - 1], limits, "x").is_err());
    assert_eq!(head.real().count() + head.stanzas.iter().filter(|s| s.is_grease()).count(), head.stanzas.len());
}
