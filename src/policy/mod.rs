//! Floor 3, the rules: pure decisions. What day it is and whom it is about come in as arguments; a decision is a
//! value that the next step must be given.

pub mod agreement;
mod assurance;
mod candidate;
mod clearance;
mod consent;
pub mod demand;
mod reason;
mod scope;
pub mod verdict;
mod waiver;

pub use assurance::{Assurance, Assured, Demands, Exception, Lack, Unmet};
pub use candidate::Candidate;
pub use clearance::{Admission, Clearance, Cleared, Refusal, admit, clear};
pub use consent::{Acceptance, How, NotAccepted, Offer, Stated};
pub use reason::{NoReason, Reason};
pub use scope::{Permit, Scope, ScopeRefusal, grown};
pub use waiver::{Waived, Waiver};
