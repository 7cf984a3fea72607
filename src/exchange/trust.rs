//! Whom this home trusts to sign: the partners on record, oneself, and whoever a command names for one run.

use super::{Home, Result, partners};
use crate::bundle::Pins;
use crate::crypto::PublicKey;
use crate::format::card::SignedCard;
use crate::format::signerlist;

/// Pinned keys and their names.
#[derive(Debug, Default)]
pub struct Trust {
    known: Vec<(PublicKey, String)>,
}

impl Trust {
    /// The partners of a home, and its own firm.
    ///
    /// # Errors
    /// A record that can't be read.
    pub fn of(home: &Home) -> Result<Trust> {
        let mut trust = Trust::default();
        if let Some(own) = super::keys::own_card(home)? {
            trust.add(own.signers, partners::YOU);
        }
        for partner in partners::list(home)? {
            trust.add(partner.card.signers, &partner.name);
        }
        Ok(trust)
    }

    fn add(&mut self, keys: Vec<PublicKey>, name: &str) {
        self.known.extend(keys.into_iter().map(|key| (key, name.to_owned())));
    }

    /// Adds the signers of a card, or the keys of a file of public keys or `allowed_signers` lines.
    ///
    /// # Errors
    /// A file that is neither.
    pub fn add_file(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        if bytes.starts_with(b"{") {
            let card = SignedCard::read(bytes)?;
            let called = card.card.name.clone();
            self.add(card.signers, &called);
        } else {
            self.add(signerlist::parse(bytes)?, name);
        }
        Ok(())
    }
}

impl Pins for Trust {
    fn who(&self, key: &PublicKey) -> Option<String> {
        self.known.iter().find(|(known, _)| known == key).map(|(_, name)| name.clone())
    }
}
