//! Cards: a firm's public, self-signed contact card (FORMAT §5.4).

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::error::{changed, too_large};
use super::time::Time;
use super::version::{SIGNERS_MAX, TAGS_MAX};
use super::{Error, Result, json};
use crate::class::{Class, Fault};
use crate::crypto::{self, Digest, PublicKey, SigningKey, canonical_recipient};

/// The namespace of card signatures.
pub const NAMESPACE: &str = "consign-card-v1";

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
    pub fn sign(card: &Card, key: &SigningKey) -> std::result::Result<SignedCard, CardError> {
        let line = serde_json::to_vec(card).map_err(|e| changed("card", e.to_string()))?;
        let armour = key.sign(NAMESPACE, &line)?;
        SignedCard::read(&Document { line, armours: vec![armour] }.to_bytes())
    }

    /// Reads a card and checks everything that can be checked without its predecessor.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn read(bytes: &[u8]) -> std::result::Result<SignedCard, CardError> {
        let document = Document::split(bytes, "card")?;
        let card: Card = json::parse(&document.line, "card")?;
        check(&card)?;
        for recipient in card.recipients.iter() {
            if canonical_recipient(&recipient.key)? != recipient.key {
                return Err(changed("card", "a recipient that is not in its one spelling").into());
            }
        }
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
        Ok(SignedCard { card, document, signers })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.document.id()
    }
}

fn check(card: &Card) -> Result<()> {
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed("card", why)) };
    json::check_kind(&card.consign, "card", "card")?;
    ensure(card.number >= 1, "its number is 0")?;
    ensure(!card.name.trim().is_empty(), "it has no name")?;
    ensure(!card.recipients.is_empty() || !card.pq.is_empty(), "nothing can be locked to it")?;
    ensure(!card.signers.is_empty(), "it has no signing key")?;
    let most = |ok: bool, why: &str| if ok { Ok(()) } else { Err(too_large("card", why)) };
    most(card.recipients.len() <= TAGS_MAX && card.pq.len() <= TAGS_MAX, "more than 128 recipients")?;
    most(card.signers.len() <= SIGNERS_MAX, "more than 8 signing keys")?;
    let keys = card.recipients.iter().chain(&card.pq).chain(&card.signers);
    most(card.name.len() <= 256 && card.contact.len() <= 256, "a name of more than 256 bytes")?;
    most(keys.into_iter().all(|k| k.label.len() <= 256), "a label of more than 256 bytes")
}
