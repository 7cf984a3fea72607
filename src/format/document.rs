//! Signed documents: one text file, line 1 JSON, then SSHSIG armours (FORMAT §5.3).

use super::Result;
use super::error::{changed, too_large};
use super::version::DOCUMENT_MAX;
use crate::crypto::{self, Digest, PublicKey, digest, split_armours};

/// A document as it came: not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The signed bytes: line 1 without its line end.
    pub line: Vec<u8>,
    /// The armours, with LF line ends.
    pub armours: Vec<String>,
}

impl Document {
    /// Splits a file. Line ends may be CRLF, as mail makes them.
    ///
    /// # Errors
    /// [`super::Error::Changed`] unless it is JSON and armours; [`super::Error::TooLarge`] beyond 512 KiB.
    pub fn split(bytes: &[u8], part: &str) -> Result<Document> {
        if bytes.len() as u64 > DOCUMENT_MAX {
            return Err(too_large(part, "512 KiB at most"));
        }
        let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| changed(part, "it has no signature"))?;
        let (line, rest) = bytes.split_at(end);
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        if line.contains(&b'\r') {
            return Err(changed(part, "a carriage return within its first line"));
        }
        let rest = std::str::from_utf8(rest.get(1..).unwrap_or_default()).map_err(|_| changed(part, "not a text"))?;
        let rest = rest.replace("\r\n", "\n");
        let armours = split_armours(&rest).ok_or_else(|| changed(part, "something stands beside its signatures"))?;
        if armours.is_empty() {
            return Err(changed(part, "it has no signature"));
        }
        let armours = armours.into_iter().map(str::to_owned).collect();
        Ok(Document { line, armours })
    }

    /// Its id: H(signed bytes).
    #[must_use]
    pub fn id(&self) -> Digest {
        digest(&self.line)
    }

    /// Verifies every armour and returns the keys, in order.
    ///
    /// # Errors
    /// [`crypto::Error::BadSignature`].
    pub fn verify(&self, namespace: &str, part: &str) -> crypto::Result<Vec<PublicKey>> {
        self.armours.iter().map(|a| PublicKey::verify(a.as_bytes(), namespace, &self.line, part)).collect()
    }

    /// The file, with LF line ends.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.line.clone();
        out.push(b'\n');
        self.armours.iter().for_each(|a| out.extend_from_slice(a.as_bytes()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARMOUR: &str = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n";

    #[test]
    fn line_ends_are_free_but_a_carriage_return_within_the_line_is_not() {
        let lf = Document::split(format!("{{}}\n{ARMOUR}").as_bytes(), "x").unwrap();
        let crlf = Document::split(format!("{{}}\n{ARMOUR}").replace('\n', "\r\n").as_bytes(), "x").unwrap();
        assert_eq!(lf, crlf);
        assert_eq!(lf.line, b"{}");
        for bad in ["{\r}\n", "{}\r\r\n", "\r{}\n"] {
            assert!(Document::split(format!("{bad}{ARMOUR}").as_bytes(), "x").is_err(), "{bad:?}");
        }
    }
}
