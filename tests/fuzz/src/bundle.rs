//! A whole bundle, the one of `testdata/golden`, with the fuzzer's edits. It is signed, and every byte of it stands
//! under the signature or can be told from it: whatever the edits are, if they change a byte it is refused.

use super::edits::Edits;
use super::firm;
use super::input::Input;
use super::opening::{Outcome, Scratch};

pub fn run(data: &[u8]) {
    let edits = Edits::read(&mut Input(data));
    let mut file = firm::GOLDEN.to_vec();
    edits.0.iter().for_each(|e| e.apply(&mut file));
    let scratch = Scratch::new();
    let outcome = Outcome::of(&scratch, &file, &firm::golden_sender(), &[]);
    let untouched = file == firm::GOLDEN;
    assert_eq!(outcome.verify.is_ok(), untouched, "{:?}", outcome.verify);
    assert_eq!(outcome.deep.is_ok(), untouched, "{:?}", outcome.deep);
    assert_eq!(outcome.unpack.is_ok(), untouched, "{:?}", outcome.unpack);
}
