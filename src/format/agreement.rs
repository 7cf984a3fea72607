//! Agreements that both firms sign: what was agreed by its hash, from when, until when, and between whom
//! (FORMAT §5.11). One firm offers it, the other one accepts the very same bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::card::CardError;
use super::date::Date;
use super::document::Document;
use super::error::{changed, too_large};
use super::time::Time;
use super::version::LABEL_MAX;
use super::{Error, Result, json};
use crate::crypto::{Digest, Fingerprint, PublicKey, Signer};

/// The namespace of both signatures.
pub const NAMESPACE: &str = "consign-agreement-v1";
/// The agreement that every drop wants, unless a workspace says otherwise.
pub const NDA: &str = "nda";
/// An audit of a partner.
pub const AUDIT: &str = "audit";

const PART: &str = "agreement";

/// What evidence on a partner is: `nda`, `audit`, or another word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EvidenceKind(String);

impl EvidenceKind {
    /// The NDA.
    #[must_use]
    pub fn nda() -> EvidenceKind {
        EvidenceKind(NDA.to_owned())
    }

    /// The audit.
    #[must_use]
    pub fn audit() -> EvidenceKind {
        EvidenceKind(AUDIT.to_owned())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people call it, with the partner: `NDA with acme`, `audit of acme`.
    #[must_use]
    pub fn with(&self, partner: &str) -> String {
        match self.as_str() {
            NDA => format!("NDA with {partner}"),
            word => format!("{word} of {partner}"),
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 == NDA { "NDA" } else { &self.0 })
    }
}

impl TryFrom<String> for EvidenceKind {
    type Error = Error;
    fn try_from(text: String) -> Result<EvidenceKind> {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let begins = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if begins && text.len() <= 32 && text.bytes().all(fits) {
            return Ok(EvidenceKind(text));
        }
        let what = "a kind of evidence: lower-case letters, digits and dashes, 32 at most";
        Err(Error::NotA { text: text.chars().take(40).collect(), what })
    }
}

impl std::str::FromStr for EvidenceKind {
    type Err = Error;
    fn from_str(text: &str) -> Result<EvidenceKind> {
        EvidenceKind::try_from(text.to_owned())
    }
}

impl From<EvidenceKind> for String {
    fn from(kind: EvidenceKind) -> String {
        kind.0
    }
}

/// The signed line of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// `agreement/1`.
    pub consign: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// What the firms call it.
    pub reference: String,
    /// H(the agreed document).
    pub document: Digest,
    /// The name of its file.
    pub file: String,
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub until: Date,
    /// Who offers, and who accepts.
    pub parties: Vec<Party>,
    /// When it was offered.
    pub at: Time,
}

/// A firm that agrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What it is called; a claim.
    pub name: String,
    /// The key that signs for it.
    pub key: Fingerprint,
}

/// An agreement whose signatures were checked. Whose the keys are is for the caller to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAgreement {
    /// What it says, read from the very bytes that are signed.
    pub agreement: Agreement,
    /// The file it came from.
    pub document: Document,
    /// Who offers it.
    pub first: PublicKey,
    /// Who accepted it.
    pub second: Option<PublicKey>,
}

impl SignedAgreement {
    /// Signs an offer, as its first party.
    ///
    /// # Errors
    /// When the key can't sign or is not that of the first party; what no reader would take.
    pub fn offer(agreement: &Agreement, key: &dyn Signer) -> std::result::Result<SignedAgreement, CardError> {
        let line = serde_json::to_vec(agreement).map_err(|e| changed(PART, e.to_string()))?;
        check(agreement)?;
        let armours = vec![key.sign(NAMESPACE, &line)?];
        SignedAgreement::read(&Document { line, armours }.to_bytes())
    }

    /// Signs the same bytes, as the second party.
    ///
    /// # Errors
    /// As [`SignedAgreement::offer`].
    pub fn accept(&self, key: &dyn Signer) -> std::result::Result<SignedAgreement, CardError> {
        let mut document = self.document.clone();
        document.armours.truncate(1);
        document.armours.push(key.sign(NAMESPACE, &document.line)?);
        SignedAgreement::read(&document.to_bytes())
    }

    /// Reads an agreement, and checks its signatures.
    ///
    /// # Errors
    /// [`CardError`] for its bytes or its signatures.
    pub fn read(bytes: &[u8]) -> std::result::Result<SignedAgreement, CardError> {
        let document = Document::split(bytes, PART)?;
        let agreement: Agreement = json::parse_kind(&document.line, PART, "agreement")?;
        let (offers, accepts) = check(&agreement)?;
        let by = document.verify(NAMESPACE, PART)?;
        let [first, rest @ ..] = by.as_slice() else { return Err(changed(PART, "it has no signature").into()) };
        let second = match rest {
            [] => None,
            [second] => Some(second.clone()),
            _ => return Err(changed(PART, "it has more than two signatures").into()),
        };
        if first.fingerprint() != *offers {
            return Err(changed(PART, "its first signature is not by its first party").into());
        }
        if second.as_ref().is_some_and(|key| key.fingerprint() != *accepts) {
            return Err(changed(PART, "its second signature is not by its second party").into());
        }
        let first = first.clone();
        Ok(SignedAgreement { agreement, document, first, second })
    }

    /// Its id, which its signatures don't change.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.document.id()
    }
}

/// Checks the fields, and gives the keys of both parties.
fn check(agreement: &Agreement) -> Result<(&Fingerprint, &Fingerprint)> {
    let [offers, accepts] = agreement.parties.as_slice() else {
        return Err(changed(PART, "it is not between two parties"));
    };
    let labels = [&agreement.reference, &agreement.file, &offers.name, &accepts.name];
    if labels.iter().any(|label| label.len() > LABEL_MAX) {
        return Err(too_large(PART, "a label of more than 256 bytes"));
    }
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed(PART, why)) };
    ensure(!agreement.reference.trim().is_empty(), "it has no reference")?;
    ensure(agreement.from <= agreement.until, "it ends before it begins")?;
    ensure(offers.key != accepts.key, "both parties have the same key")?;
    Ok((&offers.key, &accepts.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Class, Fault};
    use crate::crypto::{SigningKey, digest};

    fn between(first: &SigningKey, second: &SigningKey) -> Agreement {
        let party = |name: &str, key: &SigningKey| Party { name: name.into(), key: key.public().fingerprint() };
        Agreement {
            consign: "agreement/1".into(),
            kind: EvidenceKind::nda(),
            reference: "NDA-1".into(),
            document: digest(b"nda"),
            file: "nda.pdf".into(),
            from: "2026-11-24".parse().unwrap(),
            until: "2027-03-31".parse().unwrap(),
            parties: vec![party("Northwind", first), party("Acme", second)],
            at: "2026-11-24T10:00:00Z".parse().unwrap(),
        }
    }

    fn keys() -> (SigningKey, SigningKey) {
        (SigningKey::generate().unwrap(), SigningKey::generate().unwrap())
    }

    #[test]
    fn both_sign_the_same_bytes_and_line_ends_are_free() {
        let (north, acme) = keys();
        let offer = SignedAgreement::offer(&between(&north, &acme), &north).unwrap();
        assert_eq!(offer.second, None);
        let both = offer.accept(&acme).unwrap();
        assert_eq!((both.id(), &both.agreement), (offer.id(), &offer.agreement));
        assert_eq!((both.first.clone(), both.second.clone()), (north.public(), Some(acme.public())));
        let crlf = String::from_utf8(both.document.to_bytes()).unwrap().replace('\n', "\r\n");
        assert_eq!(SignedAgreement::read(crlf.as_bytes()).unwrap(), both);
        assert_eq!(both.accept(&acme).unwrap().document.armours.len(), 2);
    }

    #[test]
    fn each_signature_is_by_the_party_it_stands_for() {
        let (north, acme) = keys();
        let stranger = SigningKey::generate().unwrap();
        let agreement = between(&north, &acme);
        let offer = SignedAgreement::offer(&agreement, &north).unwrap();
        let class = |result: std::result::Result<SignedAgreement, CardError>| result.unwrap_err().class();
        assert_eq!(class(SignedAgreement::offer(&agreement, &acme)), Class::Changed);
        assert_eq!(class(offer.accept(&stranger)), Class::Changed);
        assert_eq!(class(offer.accept(&north)), Class::Changed);
        let mut turned = offer.accept(&acme).unwrap().document;
        turned.armours.swap(0, 1);
        assert_eq!(class(SignedAgreement::read(&turned.to_bytes())), Class::Changed);
        let mut three = offer.accept(&acme).unwrap().document;
        three.armours.push(three.armours[0].clone());
        assert_eq!(class(SignedAgreement::read(&three.to_bytes())), Class::Changed);
        // A signature that says something else, in this key's hand.
        let mut other = offer.document.clone();
        other.armours.push(acme.sign(super::super::card::NAMESPACE, &other.line).unwrap());
        assert_eq!(class(SignedAgreement::read(&other.to_bytes())), Class::Changed);
    }

    #[test]
    fn no_byte_can_be_changed_after_the_first_signature() {
        let (north, acme) = keys();
        let whole = SignedAgreement::offer(&between(&north, &acme), &north).unwrap().accept(&acme).unwrap();
        let text = String::from_utf8(whole.document.to_bytes()).unwrap();
        for (from, to) in [("2027-03-31", "2037-03-31"), ("NDA-1", "NDA-2"), ("nda.pdf", "nda.pdx"), ("nda", "xda")] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(SignedAgreement::read(changed.as_bytes()).unwrap_err().class(), Class::Changed, "{from}");
        }
    }

    #[test]
    fn what_can_not_be_agreed_to_is_not_signed() {
        let (north, acme) = keys();
        let refused = |change: &dyn Fn(&mut Agreement)| {
            let mut agreement = between(&north, &acme);
            change(&mut agreement);
            SignedAgreement::offer(&agreement, &north).unwrap_err().class()
        };
        assert_eq!(refused(&|a| a.until = "2026-11-23".parse().unwrap()), Class::Changed);
        assert_eq!(refused(&|a| a.reference = " ".into()), Class::Changed);
        assert_eq!(refused(&|a| a.parties[1] = a.parties[0].clone()), Class::Changed);
        assert_eq!(refused(&|a| a.parties.truncate(1)), Class::Changed);
        assert_eq!(refused(&|a| a.file = "é".repeat(129)), Class::Unsafe);
        let (mut newer, key) = (between(&north, &acme), &north);
        newer.consign = "agreement/2".into();
        assert_eq!(SignedAgreement::offer(&newer, key).unwrap_err().word(), "newer-format");
    }

    #[test]
    fn a_kind_is_a_plain_word() {
        for good in ["nda", "audit", "iso-27001"] {
            assert!(good.parse::<EvidenceKind>().is_ok(), "{good}");
        }
        for bad in ["", "NDA", "1a", "-a", "a b", "a_b", "ä", &"a".repeat(33)] {
            assert!(bad.parse::<EvidenceKind>().is_err(), "{bad}");
        }
    }
}
