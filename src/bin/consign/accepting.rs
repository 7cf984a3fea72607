//! The arguments by which terms are accepted, for the commands that show contents.

use clap::Args;
use consign::format::terms::TermsId;

/// The terms that the sender states.
#[derive(Debug, Clone, Args)]
pub(crate) struct Accepting {
    /// Accept the terms that the sender states, whatever they are; =HASH: only these (repeatable)
    ///
    /// Without it you are asked on a terminal. HASH is the whole terms id, 64 hex digits, as it is shown with the terms; a
    /// bundle that states other terms, or none, is refused (terms-differ). Terms that you accepted before from the same
    /// signer, word for word, are not asked about again.
    #[arg(long, value_name = "HASH", num_args = 0..=1, require_equals = true, default_missing_value = WHATEVER)]
    #[arg(value_parser = answer)]
    pub(crate) accept_terms: Vec<Answer>,
}

/// What stands for --accept-terms without a hash.
const WHATEVER: &str = "whatever-it-says";

/// One --accept-terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Whatever the bundle says.
    Whatever,
    /// These only.
    Id(TermsId),
}

/// An empty text is no answer: a variable that is not set must not accept everything.
fn answer(text: &str) -> Result<Answer, String> {
    if text == WHATEVER {
        return Ok(Answer::Whatever);
    }
    let id = TermsId::parse(text.as_bytes()).ok_or("a terms id has exactly 64 lower-case hex digits")?;
    Ok(Answer::Id(id))
}
