//! Repairing: from damaged copies of one bundle to a whole one. The statement and its signer are checked first, every
//! member is known by its signed hash, and the result is verified like any bundle before it gets its name.

use std::path::Path;

use super::trust::Trust;
use super::{Result, receive};
use crate::bundle::{Mended, Recovered};
use crate::files::{Pending, Progress, Source};
use crate::format::time::Time;
use crate::policy::admit;

/// Puts a bundle together from copies; the first is the one whose damage is told.
///
/// # Errors
/// No statement, or none by a signer who is known; an expired bundle; a copy of another bundle.
pub fn mend(copies: Vec<Source>, trust: &Trust, now: Time, progress: &dyn Progress) -> Result<Mended> {
    let recovered = Recovered::of(copies, trust, progress)?;
    admit(recovered.trusted().signed().says().expires, now)?;
    trust.admit_signer(recovered.trusted())?;
    Ok(recovered.mend(progress)?)
}

/// Where a repaired bundle goes, and who works on it.
pub struct Order<'a> {
    /// The file to make; nothing that is there is replaced.
    pub out: &'a Path,
    /// Whom the reader trusts.
    pub trust: &'a Trust,
    /// How many threads may verify.
    pub workers: usize,
    /// Now.
    pub now: Time,
}

/// Writes the bundle that the copies make together under a hidden name, verifies it, and publishes it by one rename.
///
/// # Errors
/// Those of [`mend`]; members that no copy has; what the system says. Nothing is at the target then.
pub fn repair(copies: Vec<Source>, order: &Order<'_>, progress: &dyn Progress) -> Result<Mended> {
    let mut pending = Pending::create(order.out, false)?;
    let mended = mend(copies, order.trust, order.now, progress)?;
    mended.write(&mut pending, progress)?;
    let result = receive::trusted(pending.read_back()?, order.trust, order.now)?;
    result.check_all(order.workers, progress)?;
    pending.publish()?;
    Ok(mended)
}
