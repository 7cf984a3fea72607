//! The terms line: what the receiver agrees to, the second line of a manifest (FORMAT §4.4).

use serde::{Deserialize, Serialize};

use super::error::{changed, too_large};
use super::version::TERMS_LINE_MAX;
use super::{Result, json};
use crate::crypto::{Digest, Fingerprint, Hex, derive};

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
    /// The class of confidentiality; a line that was written before there were classes has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub class: String,
    /// The agreement they are sent under.
    #[serde(deserialize_with = "json::nullable")]
    pub agreement: Option<String>,
    /// The full text.
    pub text: String,
}

/// Names what is agreed to, whichever bundle states it: the terms id.
pub type TermsId = Digest;

impl Terms {
    /// Whether there is nothing in them to agree to. That the files are the sender's own, by the name that the envelope
    /// gives it, is no more than the signature says: early writers put it into every bundle.
    #[must_use]
    pub fn state_nothing(&self, sender: &str) -> bool {
        let [title, owner, others @ ..] = self.fields();
        let owner_stated = !owner.is_empty() && owner != sender;
        title.is_empty() && !owner_stated && others.iter().all(|field| field.is_empty())
    }

    /// The terms id: the same for the same terms, whatever the bundle, the compartment, the sender and the nonce.
    #[must_use]
    pub fn id(&self) -> TermsId {
        let mut bytes = Vec::new();
        for field in self.fields() {
            bytes.extend_from_slice(&(field.len() as u64).to_le_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        derive("consign 1 terms id", &bytes)
    }

    /// What is agreed to. No agreement and one without a name are the same.
    fn fields(&self) -> [&str; 6] {
        let agreement = self.agreement.as_deref().unwrap_or_default();
        [&self.title, &self.owner, &self.licence, &self.class, agreement, &self.text]
    }

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

    fn stated(fields: [&str; 6]) -> Terms {
        let [title, owner, licence, class, agreement, text] = fields.map(str::to_owned);
        Terms {
            consign: "terms/1".to_owned(),
            bundle: Hex([1; 16]),
            compartment: 0,
            sender: serde_json::from_str("\"SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA\"").unwrap(),
            nonce: Hex([2; 32]),
            title,
            owner,
            licence,
            class,
            agreement: Some(agreement).filter(|text| !text.is_empty()),
            text,
        }
    }

    #[test]
    fn a_class_is_written_when_there_is_one_and_absent_else() {
        let without = stated(["", "N", "MIT", "", "", ""]).line().unwrap();
        assert!(!String::from_utf8(without.clone()).unwrap().contains("class"));
        assert_eq!(Terms::parse(&without).unwrap().class, "");
        let with = stated(["", "N", "MIT", "secret", "", ""]);
        assert_eq!(Terms::parse(&with.line().unwrap()).unwrap(), with);
        let line = String::from_utf8(with.line().unwrap()).unwrap();
        assert!(Terms::parse(line.replace("\"secret\"", "null").as_bytes()).is_err());
        assert!(Terms::parse(line.replace("\"secret\"", "\"a\",\"class\":\"b\"").as_bytes()).is_err());
    }

    #[test]
    fn the_id_tells_terms_apart_and_bundles_not() {
        // FORMAT §4.4's worked example, computed by the second implementation too.
        let terms = stated(["T", "Northwind Ltd", "LicenseRef-N", "confidential", "NDA-1", "Not yours to share.\n"]);
        assert_eq!(terms.id().to_string(), "ec38048ff229871edc9391f9c6fc333ee5b6e974aa233c99e148cdf58a61445f");
        let other = Terms { bundle: Hex([7; 16]), nonce: Hex([8; 32]), compartment: 3, ..terms.clone() };
        assert_eq!(other.id(), terms.id());
        let fields = ["a", "b", "c", "d", "e", "f"];
        let mut ids = vec![stated(fields).id(), stated(["ab", "", "c", "d", "e", "f"]).id(), stated([""; 6]).id()];
        for i in 0..6 {
            let mut fields = fields;
            fields[i] = "x";
            ids.push(stated(fields).id());
        }
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn only_what_goes_beyond_the_senders_own_name_is_to_be_agreed_to() {
        assert!(stated([""; 6]).state_nothing("N"));
        assert!(stated(["", "N", "", "", "", ""]).state_nothing("N"));
        assert!(!stated(["", "N", "", "", "", ""]).state_nothing("M"));
        for i in [0, 2, 3, 4, 5] {
            let mut fields = ["", "N", "", "", "", ""];
            fields[i] = "N";
            assert!(!stated(fields).state_nothing("N"), "{i}");
        }
    }

    #[test]
    fn what_travels_is_as_written_up_to_the_last_byte() {
        let odd = "a\r\nb\0\u{1b}[2J\u{202e}\u{7f}\n\n \t\u{2028}z";
        let terms = stated(["", "", "", "", "", odd]);
        let line = terms.line().unwrap();
        assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        assert_eq!(Terms::parse(&line).unwrap().text, odd);
        let room = TERMS_LINE_MAX - stated([""; 6]).line().unwrap().len();
        let full = stated(["", "", "", "", "", &"x".repeat(room)]);
        assert_eq!(full.line().unwrap().len(), TERMS_LINE_MAX);
        assert_eq!(Terms::parse(&full.line().unwrap()).unwrap(), full);
        let more = stated(["", "", "", "", "", &"x".repeat(room + 1)]);
        assert_eq!(more.line().unwrap_err().word(), "too-large");
    }
}
