//! A whole bundle that the sender itself made wrong: the tree is the fuzzer's, and so are edits at every stage between
//! the tree and the file; everything after an edit is hashed, encrypted and signed correctly.

use super::cast::cast;
use super::firm;
use super::opening::{Outcome, Scratch};
use super::plan::Plan;

pub fn run(data: &[u8]) {
    made(data);
}

/// Makes the bundle, opens it, and says what became of it.
pub fn made(data: &[u8]) -> Outcome {
    let cast = cast(&Plan::read(data));
    Outcome::of(&Scratch::new(), &cast.file, &firm::sender().public(), &cast.key_files)
}
