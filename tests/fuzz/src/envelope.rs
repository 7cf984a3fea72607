//! The statement and B3SUMS. The input is the statement; after a byte 0xff, which is in no UTF-8 text, comes B3SUMS.

use consign::class::Fault;
use consign::format::container::{Sums, listed, unlisted};
use consign::format::envelope::{Envelope, valid_name};

pub fn run(data: &[u8]) {
    let at = data.iter().position(|b| *b == 0xff).unwrap_or(data.len());
    let (statement, sums) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    let envelope = match Envelope::parse(statement) {
        Ok(envelope) => envelope,
        Err(e) => return assert!(["changed", "newer-format", "too-large"].contains(&e.word()), "{e}"),
    };
    let spelled = envelope.to_bytes().unwrap();
    assert_eq!(Envelope::parse(&spelled).unwrap(), envelope);
    assert_eq!(spelled, Envelope::parse(&spelled).unwrap().to_bytes().unwrap());
    assert!(valid_name(&envelope.predicate.name));
    assert!(unlisted(&envelope).count() <= 3 + 8);
    sums_have_one_spelling(sums, &envelope);
}

fn sums_have_one_spelling(bytes: &[u8], envelope: &Envelope) {
    let Ok(sums) = Sums::parse(bytes, envelope) else { return };
    let mut spelled = Vec::new();
    let mut hashes = sums.hashes.iter();
    for member in listed(envelope, sums.card) {
        Sums::push_line(&mut spelled, member, hashes.next().unwrap());
    }
    assert!(hashes.next().is_none());
    assert_eq!(spelled, bytes);
}
