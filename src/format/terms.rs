//! The terms line: what the receiver agrees to, the second line of a manifest (FORMAT §4.4).

use serde::{Deserialize, Serialize};

use super::error::{changed, too_large};
use super::version::TERMS_LINE_MAX;
use super::{Result, json};
use crate::crypto::{Fingerprint, Hex};

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
        if line.iter().any(|b| matches!(b, b'\r' | b'\n')) {
            return Err(changed("terms line", "a line end within it"));
        }
        json::parse_kind(line, "terms line", "terms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    #[test]
    fn a_terms_line_is_one_line_of_its_kind() {
        let nonce = "00".repeat(32);
        let line = format!(
            "{{\"consign\":\"terms/1\",\"bundle\":\"{}\",\"compartment\":0,\
             \"sender\":\"SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA\",\"nonce\":\"{nonce}\",\
             \"title\":\"\",\"owner\":\"\",\"licence\":\"\",\"agreement\":null,\"text\":\"\"}}",
            &nonce[..32]
        );
        assert!(Terms::parse(line.as_bytes()).is_ok());
        let word = |line: &str| Terms::parse(line.as_bytes()).map_or_else(|e| e.word(), |_| "ok");
        assert_eq!(word(&format!("{line}\r")), "changed");
        assert_eq!(word(&format!("{line}\n")), "changed");
        assert_eq!(word(&line.replace(",", ",\r")), "changed");
        assert_eq!(word(r#"{"consign":"terms/2"}"#), "newer-format");
    }
}
