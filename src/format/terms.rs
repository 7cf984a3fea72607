//! The terms line: what the receiver agrees to, the second line of a manifest (FORMAT §4.4).

use serde::{Deserialize, Serialize};

use super::error::{changed, too_large};
use super::version::TERMS_LINE_MAX;
use super::{Result, json};
use crate::crypto::{Digest, Fingerprint, Hex, digest};

/// The terms of one compartment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// `terms/1`.
    pub consign: String,
    /// The bundle these terms are of.
    pub bundle: Hex<16>,
    /// The compartment.
    pub compartment: u64,
    /// signers[0] of the bundle.
    pub sender: Fingerprint,
    /// So that the hash tells nothing about a text that can be guessed.
    pub nonce: Hex<32>,
    /// A title.
    pub title: String,
    /// Who owns the files.
    pub owner: String,
    /// Their licence, an SPDX expression or text.
    pub licence: String,
    /// The agreement they are sent under.
    #[serde(deserialize_with = "json::nullable")]
    pub agreement: Option<String>,
    /// The full text.
    pub text: String,
}

impl Terms {
    /// The line, without its LF.
    ///
    /// # Errors
    /// [`super::Error::TooLarge`] beyond 192 KiB.
    pub fn line(&self) -> Result<Vec<u8>> {
        let line = serde_json::to_vec(self).map_err(|e| changed("terms", e.to_string()))?;
        if line.len() > TERMS_LINE_MAX {
            return Err(too_large("the terms", "192 KiB at most"));
        }
        Ok(line)
    }

    /// Reads the line.
    ///
    /// # Errors
    /// [`super::Error::Changed`], [`super::Error::TooLarge`].
    pub fn parse(line: &[u8]) -> Result<Terms> {
        if line.len() > TERMS_LINE_MAX {
            return Err(too_large("the terms line", "192 KiB at most"));
        }
        let terms: Terms = json::parse(line, "terms line")?;
        json::check_kind(&terms.consign, "terms", "terms line")?;
        Ok(terms)
    }
}

/// The hash of a terms line, which the envelope states.
#[must_use]
pub fn terms_hash(line: &[u8]) -> Digest {
    digest(line)
}
