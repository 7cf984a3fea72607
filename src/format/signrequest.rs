//! What the second person of four eyes gets to see: the statement, who signed it already, and every manifest in the
//! clear (FORMAT §2.6). It travels as the plaintext of an age file.

use serde::{Deserialize, Serialize};

use super::error::changed;
use super::version::{COMPARTMENTS_MAX, ENVELOPE_MAX, HEAD_LINE_MAX, SIGNERS_MAX};
use super::{Result, json};

/// A request for a signature.
pub struct SignRequest {
    /// The envelope, as it is signed.
    pub envelope: Vec<u8>,
    /// The signatures of the first signers.
    pub armours: Vec<String>,
    /// The plaintexts of the manifests, by compartment.
    pub manifests: Vec<Vec<u8>>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Line {
    consign: String,
    envelope: u64,
    manifests: Vec<u64>,
    signatures: Vec<String>,
}

impl SignRequest {
    /// The bytes that are locked to whoever should sign.
    ///
    /// # Errors
    /// When JSON can't be made of it, which is a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let line = Line {
            consign: "sign-request/1".to_owned(),
            envelope: self.envelope.len() as u64,
            manifests: self.manifests.iter().map(|m| m.len() as u64).collect(),
            signatures: self.armours.clone(),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|e| changed("sign request", e.to_string()))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.envelope);
        self.manifests.iter().for_each(|manifest| bytes.extend_from_slice(manifest));
        Ok(bytes)
    }

    /// Takes a request apart. Nothing in it is checked yet.
    ///
    /// # Errors
    /// [`super::Error::Changed`] unless it is built as it must be.
    pub fn parse(bytes: &[u8]) -> Result<SignRequest> {
        let bad = |why: &str| changed("sign request", why);
        let end =
            bytes.iter().take(HEAD_LINE_MAX).position(|b| *b == b'\n').ok_or_else(|| bad("it has no first line"))?;
        let (line, rest) = bytes.split_at(end);
        let line: Line = json::parse_kind(line, "sign request", "sign-request")?;
        let counts = (1..=COMPARTMENTS_MAX).contains(&line.manifests.len())
            && (1..SIGNERS_MAX).contains(&line.signatures.len())
            && line.envelope <= ENVELOPE_MAX;
        if !counts {
            return Err(bad("it holds too much or too little"));
        }
        let mut rest = rest.get(1..).unwrap_or_default();
        let mut take = |len: u64| {
            let (taken, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            rest = after;
            Some(taken.to_vec())
        };
        let short = || bad("it ends too early");
        let envelope = take(line.envelope).ok_or_else(short)?;
        let manifests = line.manifests.iter().map(|len| take(*len)).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        if rest.is_empty() {
            Ok(SignRequest { envelope, armours: line.signatures, manifests })
        } else {
            Err(bad("something follows its end"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_no_byte_less_or_more() {
        let request = SignRequest {
            envelope: b"{}".to_vec(),
            armours: vec!["armour\n".to_owned()],
            manifests: vec![b"one".to_vec(), Vec::new()],
        };
        let bytes = request.to_bytes().unwrap();
        let read = SignRequest::parse(&bytes).unwrap();
        assert_eq!(
            (read.envelope, read.armours, read.manifests),
            (request.envelope, request.armours, request.manifests)
        );
        for cut in 0..bytes.len() {
            assert!(SignRequest::parse(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(SignRequest::parse(&[&bytes[..], b"x"].concat()).is_err());
    }
}
