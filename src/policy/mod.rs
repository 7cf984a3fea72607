//! Floor 3, the rules: pure decisions. What day it is and whom it is about come in as arguments; a decision is a
//! value that the next step must be given.

mod clearance;

pub use clearance::{Admission, Candidate, Clearance, Cleared, Refusal, admit, clear};
