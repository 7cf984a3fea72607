//! Cards: a firm's public, self-signed contact card (FORMAT §5.4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::error::{changed, too_large};
use super::time::Time;
use super::version::LABEL_MAX;
use super::{Error, Result, json};
use crate::class::{Class, Fault};
use crate::crypto::{self, Digest, PublicKey, Signer, canonical_recipient, is_post_quantum};

/// The namespace of card signatures.
pub const NAMESPACE: &str = "consign-card-v1";
/// The namespace of the proofs of further signing keys.
pub const SIGNER_NAMESPACE: &str = "consign-signer-v1";

/// The signed line of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `card/1`.
    pub consign: String,
    /// The firm's name, as it calls itself.
    pub name: String,
    /// How to reach it.
    pub contact: String,
    /// Which card of the firm this is, from 1.
    pub number: u64,
    /// When it was made.
    pub created: Time,
    /// When it ends.
    #[serde(deserialize_with = "json::nullable")]
    pub expires: Option<Time>,
    /// Classical recipients.
    pub recipients: Vec<CardKey>,
    /// Post-quantum recipients.
    pub pq: Vec<CardKey>,
    /// Signing keys, as `type base64`.
    pub signers: Vec<CardKey>,
    /// The card it replaces.
    #[serde(deserialize_with = "json::nullable")]
    pub previous: Option<Digest>,
}

/// A key on a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKey {
    /// The key.
    pub key: String,
    /// What it is, for people.
    pub label: String,
    /// For a signing key besides the first: an armour by which it says that it belongs to this firm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

impl CardKey {
    /// A key and what it is, without a proof.
    #[must_use]
    pub fn new(key: &str, label: &str) -> CardKey {
        CardKey { key: key.to_owned(), label: label.to_owned(), proof: None }
    }
}

/// A card whose signature was checked. It says who made it, not that they are who they say they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCard {
    /// What it says.
    pub card: Card,
    /// The file it came from.
    pub document: Document,
    /// The keys on it, parsed, in order.
    pub signers: Vec<PublicKey>,
    /// Those that signed the card or proved that they belong to its firm: what they sign is the firm's.
    pub proven: Vec<PublicKey>,
}

/// Why a card is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Its bytes.
    #[error(transparent)]
    Format(#[from] Error),
    /// Its signature or keys.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
}

impl Fault for CardError {
    fn word(&self) -> &'static str {
        match self {
            CardError::Format(e) => e.word(),
            CardError::Crypto(e) => e.word(),
        }
    }
    fn class(&self) -> Class {
        match self {
            CardError::Format(e) => e.class(),
            // A key on a card that can't be read is the fault of whoever made the card.
            CardError::Crypto(crypto::Error::NotARecipient { .. } | crypto::Error::BadKey { .. }) => Class::Changed,
            CardError::Crypto(e) => e.class(),
        }
    }
}

impl SignedCard {
    /// Signs a card with the firm's key, which is signers[0].
    ///
    /// # Errors
    /// When the key can't sign, or the card is not one that readers take.
    pub fn sign(card: &Card, key: &dyn Signer) -> std::result::Result<SignedCard, CardError> {
        let line = serde_json::to_vec(card).map_err(|e| changed("card", e.to_string()))?;
        let armour = key.sign(NAMESPACE, &line)?;
        SignedCard::read(&Document { line, armours: vec![armour] }.to_bytes())
    }

    /// Signs a card that takes the place of this one: with its own first key, and with one of this card's.
    ///
    /// # Errors
    /// As [`SignedCard::sign`].
    pub fn succeeded_by(
        &self,
        next: Card,
        key: &dyn Signer,
        old: &dyn Signer,
    ) -> std::result::Result<SignedCard, CardError> {
        let next = Card { previous: Some(self.id()), number: self.card.number.saturating_add(1), ..next };
        SignedCard::sign_after(&next, key, old)
    }

    /// Signs a card that names its predecessor, which is not here: with its own first key, and with one of that card's.
    ///
    /// # Errors
    /// As [`SignedCard::sign`].
    pub fn sign_after(next: &Card, key: &dyn Signer, old: &dyn Signer) -> std::result::Result<SignedCard, CardError> {
        let line = serde_json::to_vec(next).map_err(|e| changed("card", e.to_string()))?;
        let armours = vec![key.sign(NAMESPACE, &line)?, old.sign(NAMESPACE, &line)?];
        SignedCard::read(&Document { line, armours }.to_bytes())
    }

    /// Whether this card follows from `old`, which a reader holds, so that nobody has to compare check words again
    /// (FORMAT §5.4). Numbers are for the caller to compare.
    #[must_use]
    pub fn follows(&self, old: &SignedCard) -> bool {
        let by = self.document.verify(NAMESPACE, "card").unwrap_or_default();
        let signed_over = by.get(1).is_some_and(|key| old.proven.contains(key));
        let linked = self.card.previous == Some(old.id()) && signed_over;
        linked || self.signers.first() == old.signers.first()
    }

    /// Reads a card and checks everything that can be checked without its predecessor.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn read(bytes: &[u8]) -> std::result::Result<SignedCard, CardError> {
        let document = Document::split(bytes, "card")?;
        let card: Card = json::parse_kind(&document.line, "card", "card")?;
        check(&card)?;
        card.recipients.iter().chain(&card.pq).try_for_each(|r| check_recipient(&r.key))?;
        let signers: Vec<PublicKey> =
            card.signers.iter().map(|s| s.key.parse::<PublicKey>()).collect::<crypto::Result<_>>()?;
        for (parsed, written) in signers.iter().zip(&card.signers) {
            if parsed.line()? != written.key {
                return Err(changed("card", "a signing key that is not in its one spelling").into());
            }
        }
        let by = document.verify(NAMESPACE, "card")?;
        let wanted = 1 + usize::from(card.previous.is_some());
        if by.len() != wanted || by.first() != signers.first() {
            return Err(changed("card", "it is not signed by its own first key").into());
        }
        let proven = proven(&card, &signers)?;
        Ok(SignedCard { card, document, signers, proven })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.document.id()
    }
}

/// What a signing key signs to say that it belongs to the firm whose first key is `first`.
///
/// # Errors
/// When the key can't sign.
pub fn prove(key: &dyn Signer, first: &PublicKey) -> crypto::Result<String> {
    key.sign(SIGNER_NAMESPACE, first.fingerprint().as_str().as_bytes())
}

/// Checks that `proof` is by `key`, for the firm whose first key is `first`.
///
/// # Errors
/// A proof that does not verify, or is by another key.
pub fn check_proof(proof: &str, key: &PublicKey, first: &PublicKey) -> std::result::Result<(), CardError> {
    let signed = first.fingerprint();
    let by = PublicKey::verify(proof.as_bytes(), SIGNER_NAMESPACE, signed.as_str().as_bytes(), "card")?;
    if by == *key { Ok(()) } else { Err(changed("card", "the proof of a signing key is by another key").into()) }
}

/// The first key, which signed the card, and every other with a proof.
fn proven(card: &Card, signers: &[PublicKey]) -> std::result::Result<Vec<PublicKey>, CardError> {
    let Some((first, others)) = signers.split_first() else { return Ok(Vec::new()) };
    let mut proven = vec![first.clone()];
    for (key, written) in others.iter().zip(card.signers.iter().skip(1)) {
        if let Some(proof) = &written.proof {
            check_proof(proof, key, first)?;
            proven.push(key.clone());
        }
    }
    Ok(proven)
}

fn check(card: &Card) -> Result<()> {
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed("card", why)) };
    ensure(card.number >= 1, "its number is 0")?;
    ensure(!card.recipients.is_empty() || !card.pq.is_empty(), "nothing can be locked to it")?;
    ensure(!card.signers.is_empty(), "it has no signing key")?;
    ensure(card.pq.iter().all(|k| is_post_quantum(&k.key)), "a key under `pq` that is not post-quantum")?;
    ensure(!card.recipients.iter().any(|k| is_post_quantum(&k.key)), "a post-quantum key that is not under `pq`")?;
    let lists = [&card.recipients, &card.pq, &card.signers];
    let distinct = |list: &[CardKey]| list.iter().map(|k| k.key.as_str()).collect::<BTreeSet<_>>().len() == list.len();
    ensure(lists.iter().all(|list| distinct(list)), "a key that is listed twice")?;
    if lists.into_iter().flatten().any(|k| k.label.len() > LABEL_MAX) {
        return Err(too_large("card", "a label of more than 256 bytes"));
    }
    Ok(())
}

/// A classical recipient string in its one spelling (FORMAT §2.3).
fn check_recipient(key: &str) -> std::result::Result<(), CardError> {
    if is_plugin(key) || canonical_recipient(key)? == key {
        return Ok(());
    }
    Err(changed("card", "a recipient that is not in its one spelling").into())
}

/// Whether a text is a recipient string in its one spelling. A passphrase has none.
pub(super) fn is_recipient(key: &str) -> bool {
    is_plugin(key) || canonical_recipient(key).is_ok_and(|canonical| canonical == key)
}

/// Whether a text has the outer form `age1NAME1…` of a plugin's key, in lower case. It is only looked at, so that what
/// nobody here can lock to can be read.
fn is_plugin(key: &str) -> bool {
    let data = |d: &str| !d.is_empty() && d.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let name = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
    let form = key.strip_prefix("age1").and_then(|rest| rest.rsplit_once('1'));
    !is_post_quantum(key) && form.is_some_and(|(n, d)| name(n) && data(d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    const AGE: &str = "age155fvreeezgmxlzxjzndnpx6dgy5ne46p93cf06c2wefl8tq6n5yq05v5z3";

    fn keys(list: &[&str]) -> Vec<CardKey> {
        list.iter().map(|key| CardKey::new(key, "work")).collect()
    }

    fn card(recipients: &[&str], pq: &[&str]) -> (Card, SigningKey) {
        let key = SigningKey::generate().unwrap();
        let signers = keys(&[&key.public().line().unwrap()]);
        let card = Card {
            consign: "card/1".to_owned(),
            name: String::new(),
            contact: "c".repeat(1000),
            number: 1,
            created: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires: None,
            recipients: keys(recipients),
            pq: keys(pq),
            signers,
            previous: None,
        };
        (card, key)
    }

    fn class(recipients: &[&str], pq: &[&str]) -> Option<Class> {
        let (card, key) = card(recipients, pq);
        SignedCard::sign(&card, &key).err().map(|e| e.class())
    }

    #[test]
    fn a_card_may_list_keys_that_nobody_here_can_lock_to() {
        let yubikey = format!("age1yubikey1{}", "q".repeat(50));
        let ssh = SigningKey::generate().unwrap().public().line().unwrap();
        let quantum = crypto::new_identities("now").unwrap().post_quantum;
        assert_eq!(class(&[AGE, &ssh, &yubikey, "age1tag1qqq", "age1my-own1qqq"], &[&quantum]), None);
        assert_eq!(class(&[], &[&quantum]), None);
        let many: Vec<String> = (0..200).map(|n| format!("age1many{n}1q")).collect();
        assert_eq!(class(&many.iter().map(String::as_str).collect::<Vec<_>>(), &[]), None);
    }

    #[test]
    fn each_key_of_a_card_stands_once_in_its_list_in_one_spelling() {
        let upper = AGE.to_uppercase();
        let comment = format!("{} me", SigningKey::generate().unwrap().public().line().unwrap());
        for bad in ["passphrase", "", "age1", "age1qqq", "age1yubikey1QQQ", "age1a b1q", "age1x1", &upper, &comment] {
            assert_eq!(class(&[bad], &[]), Some(Class::Changed), "{bad}");
        }
        let quantum = crypto::new_identities("now").unwrap().post_quantum;
        assert_eq!(class(&[&quantum], &[]), Some(Class::Changed));
        for bad in ["age1pq1QQQ", "age1pq1qqq", &quantum.to_uppercase(), &quantum.replacen('q', "p", 9)] {
            assert_eq!(class(&[AGE], &[bad]), Some(Class::Changed), "{bad}");
        }
        assert_eq!(class(&[AGE], &[AGE]), Some(Class::Changed));
        assert_eq!(class(&[AGE, AGE], &[]), Some(Class::Changed));
        assert_eq!(class(&[], &[]), Some(Class::Changed));
        let (mut twice, key) = card(&[AGE], &[]);
        twice.signers.push(twice.signers[0].clone());
        assert!(SignedCard::sign(&twice, &key).is_err());
        let (mut long, key) = card(&[AGE], &[]);
        long.recipients[0].label = "l".repeat(257);
        assert_eq!(SignedCard::sign(&long, &key).err().map(|e| e.class()), Some(Class::Unsafe));
        let (mut newer, key) = card(&[AGE], &[]);
        newer.consign = "card/2".to_owned();
        assert_eq!(SignedCard::sign(&newer, &key).err().map(|e| e.word()), Some("newer-format"));
    }

    #[test]
    fn a_further_signing_key_counts_with_a_proof_for_this_firm_only() {
        let (base, first) = card(&[AGE], &[]);
        let (server, stranger) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let with = |key: &SigningKey, proof: Option<String>| {
            let mut card = base.clone();
            card.signers.push(CardKey { proof, ..CardKey::new(&key.public().line().unwrap(), "server") });
            SignedCard::sign(&card, &first)
        };
        let good = with(&server, Some(prove(&server, &first.public()).unwrap())).unwrap();
        assert_eq!(good.proven, [first.public(), server.public()]);
        assert_eq!(SignedCard::read(&good.document.to_bytes()).unwrap(), good);
        assert_eq!(with(&server, None).unwrap().proven, [first.public()]);
        let bad = [
            prove(&stranger, &first.public()).unwrap(),
            prove(&server, &stranger.public()).unwrap(),
            server.sign(NAMESPACE, first.public().fingerprint().as_str().as_bytes()).unwrap(),
            String::new(),
        ];
        for proof in bad {
            assert_eq!(with(&server, Some(proof)).unwrap_err().class(), Class::Changed);
        }
    }

    #[test]
    fn a_card_follows_by_its_first_key_or_by_a_link_that_the_old_one_signed() {
        let (base, first) = card(&[AGE], &[]);
        let old = SignedCard::sign(&base, &first).unwrap();
        let fresh = SigningKey::generate().unwrap();
        let line = |key: &SigningKey| CardKey::new(&key.public().line().unwrap(), "work");
        let rotated = |by: &SigningKey| {
            let next = Card { signers: vec![line(&fresh)], ..base.clone() };
            old.succeeded_by(next, &fresh, by).unwrap()
        };
        assert!(rotated(&first).follows(&old));
        assert!(!rotated(&fresh).follows(&old), "signed over by itself");
        assert!(old.succeeded_by(base.clone(), &first, &first).unwrap().follows(&old));
        let later = rotated(&first).succeeded_by(Card { signers: vec![line(&fresh)], ..base.clone() }, &fresh, &fresh);
        let later = later.unwrap();
        assert!(!later.follows(&old), "a step is missing");
        assert!(later.follows(&rotated(&first)));
        assert_eq!(later.card.number, 3);
    }
}
