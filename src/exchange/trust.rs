//! Whom this home trusts to sign: the partners on record, oneself, and whoever a command names for one run.

use super::{Home, Result, partners};
use crate::bundle::Pins;
use crate::crypto::PublicKey;
use crate::format::card::SignedCard;
use crate::format::signerlist;
use crate::format::time::Time;

/// Pinned keys.
///
/// Of a card the first key is pinned, which signed it, and those with a proof. The others are its owner's word, and
/// anybody can list somebody else's public key.
#[derive(Debug, Default)]
pub struct Trust {
    known: Vec<Pin>,
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
        let mut trust = Trust::default();
        if let Some(own) = super::keys::own_card(home)? {
            trust.add_card(own, partners::YOU);
        }
        for partner in partners::list(home)? {
            trust.add_card(partner.card, &partner.name);
        }
        Ok(trust)
    }

    fn add_card(&mut self, card: SignedCard, name: &str) {
        let until = card.card.expires;
        let proven = card.proven.into_iter();
        self.known.extend(proven.map(|key| Pin { key, name: name.to_owned(), from: None, until }));
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
