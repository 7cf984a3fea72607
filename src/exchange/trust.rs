//! Whom this home trusts to sign: the partners on record, oneself, and whoever a command names for one run.

use super::{Config, Home, Result, partners};
use crate::bundle::{Pins, Revealed, Trusted};
use crate::crypto::PublicKey;
use crate::format::card::SignedCard;
use crate::format::signerlist;
use crate::format::time::Time;
use crate::policy::{Assurance, Refusal};

/// Pinned keys.
///
/// Of a card the first key is pinned, which signed it, and those with a proof. The others are its owner's word, and
/// anybody can list somebody else's public key.
#[derive(Debug, Default)]
pub struct Trust {
    known: Vec<Pin>,
    /// The names of the partners on record.
    partners: Vec<String>,
    /// What is demanded of the keys of whoever sends.
    assurance: Assurance,
}

#[derive(Debug)]
struct Pin {
    key: PublicKey,
    name: String,
    /// From when on its signatures are trusted, if the file that lists it says so.
    from: Option<Time>,
    /// When the card it is from, or its line in a file, ends.
    until: Option<Time>,
}

impl Trust {
    /// The partners of a home, and its own firm.
    ///
    /// # Errors
    /// A record that can't be read.
    pub fn of(home: &Home) -> Result<Trust> {
        let mut trust = Trust { assurance: Config::of(home)?.assurance, ..Trust::default() };
        if let Some(own) = super::keys::own_card(home)? {
            trust.add_card(own, partners::YOU);
        }
        for partner in partners::list(home)? {
            trust.add_card(partner.card, &partner.name);
            trust.partners.push(partner.name);
        }
        Ok(trust)
    }

    fn add_card(&mut self, card: SignedCard, name: &str) {
        let until = card.card.expires;
        let proven = card.proven.into_iter();
        self.known.extend(proven.map(|key| Pin { key, name: name.to_owned(), from: None, until }));
    }

    fn partner(&self, trusted: &Trusted) -> Option<&str> {
        self.partners.iter().map(String::as_str).find(|name| *name == trusted.sender())
    }

    /// Checks what the configuration demands of the key that signed a bundle.
    ///
    /// # Errors
    /// [`Refusal::Assurance`].
    pub(super) fn admit_signer(&self, trusted: &Trusted) -> Result<()> {
        let first = trusted.signed().signers.first().ok_or(crate::bundle::Error::Bug)?;
        let admitted = self.assurance.admit_signer(&first.key, trusted.sender(), self.partner(trusted));
        Ok(admitted.map_err(Refusal::from)?)
    }

    /// Checks what the configuration demands of the keys that a bundle is locked to, as far as it shows without one.
    ///
    /// # Errors
    /// [`Refusal::Assurance`].
    pub(super) fn admit_locks(&self, trusted: &Trusted) -> Result<()> {
        let (signed, partner) = (trusted.signed(), self.partner(trusted));
        for n in 0..signed.says().compartments.len() {
            self.assurance.admit_compartment(n, signed.is_post_quantum(n)?, partner).map_err(Refusal::from)?;
        }
        Ok(())
    }

    /// Checks what the configuration demands of all keys that an open bundle is locked to.
    ///
    /// # Errors
    /// [`Refusal::Assurance`].
    pub(super) fn admit_recipients(&self, revealed: &Revealed) -> Result<()> {
        let partner = self.partner(revealed.trusted());
        for part in &revealed.open {
            let recipients = part.front.head.recipients.iter().map(|r| (r.name.as_str(), r.key.as_str()));
            self.assurance.admit_recipients(recipients, partner).map_err(Refusal::from)?;
        }
        Ok(())
    }

    /// Adds the signers of a card, or the keys of a file of public keys or `allowed_signers` lines.
    ///
    /// # Errors
    /// A file that is neither.
    pub fn add_file(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        if bytes.starts_with(b"{") {
            let card = SignedCard::read(bytes)?;
            let called = card.card.name.clone();
            self.add_card(card, &called);
        } else {
            let keys = signerlist::parse(bytes)?.into_iter();
            self.known.extend(keys.map(|l| Pin { key: l.key, name: name.to_owned(), from: l.from, until: l.until }));
        }
        Ok(())
    }
}

impl Pins for Trust {
    fn who(&self, key: &PublicKey, at: Time) -> Option<String> {
        let within = |pin: &Pin| pin.from.is_none_or(|from| from <= at) && pin.until.is_none_or(|until| at < until);
        self.known.iter().find(|pin| pin.key == *key && within(pin)).map(|pin| pin.name.clone())
    }
}
