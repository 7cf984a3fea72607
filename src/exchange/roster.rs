//! The roster: what is told about the keys of this home without unlocking them, one line for each key it ever had:
//! where it came from, and until when it was in use. It is for people only: nothing is trusted because it stands here,
//! and a home without it shows what its card says.

use serde::{Deserialize, Serialize};

use super::{Home, Result, rekey};
use crate::crypto::Secret;
use crate::format::card::{CardKey, SignedCard};
use crate::format::json;
use crate::format::time::Time;

/// The file's name in the home.
pub const FILE: &str = "keys.json";
const KIND: &str = "keys/1";
/// The largest roster that is read, in bytes: some hundred post-quantum keys.
const MAX: u64 = 1 << 20;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// It opens what is locked to it.
    Encryption,
    /// It signs.
    Signing,
}

/// A key that this home has, or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What it is for.
    #[serde(rename = "use")]
    pub usage: Use,
    /// Its public half: a recipient string, or `type base64`.
    pub key: String,
    /// What it is, for people.
    pub label: String,
    /// Where it came from: `made here`, or the file it was imported from.
    pub from: String,
    /// When it came here.
    pub since: Time,
    /// When another key took its place. It still opens what was locked to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Time>,
}

/// All keys of a home, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// They.
    pub keys: Vec<Held>,
}

#[derive(Serialize, Deserialize)]
struct Page {
    consign: String,
    keys: Vec<Held>,
}

/// How a key is said to have come from here.
pub const MADE_HERE: &str = "made here";

impl Roster {
    /// The roster of a home; that of its card, if it has none that can be read.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(home: &Home, card: Option<&SignedCard>) -> Result<Roster> {
        let read = rekey::read(home, FILE, MAX)?.and_then(|bytes| Roster::read(&bytes));
        Ok(read.unwrap_or_else(|| card.map(Roster::of_card).unwrap_or_default()))
    }

    /// The roster in a file; `None` if it can't be read.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Roster> {
        let page = json::parse::<Page>(bytes, "keys.json").ok();
        page.filter(|page| page.consign == KIND).map(|page| Roster { keys: page.keys })
    }

    /// What a card says of its first key of each kind, which is the home's own.
    #[must_use]
    pub fn of_card(card: &SignedCard) -> Roster {
        let mut roster = Roster::default();
        let card = &card.card;
        for CardKey { key, label, .. } in card.recipients.first().into_iter().chain(card.pq.first()) {
            roster.add(Use::Encryption, key, label, MADE_HERE, card.created);
        }
        if let Some(CardKey { key, label, .. }) = card.signers.first() {
            roster.add(Use::Signing, key, label, MADE_HERE, card.created);
        }
        roster
    }

    /// Adds a key; one that is there already stays as it is.
    pub fn add(&mut self, usage: Use, key: &str, label: &str, from: &str, since: Time) {
        if self.keys.iter().any(|held| held.usage == usage && held.key == key) {
            return;
        }
        let (key, label, from) = (key.to_owned(), label.to_owned(), from.to_owned());
        self.keys.push(Held { usage, key, label, from, since, retired: None });
    }

    /// Marks a key as retired.
    pub fn retire(&mut self, usage: Use, key: &str, at: Time) {
        let found = self.keys.iter_mut().filter(|held| held.usage == usage && held.key == key);
        found.for_each(|held| held.retired = held.retired.or(Some(at)));
    }

    /// The file.
    ///
    /// # Errors
    /// Never in practice: everything in it can be written as JSON.
    pub fn file(&self) -> Result<Secret> {
        let page = Page { consign: KIND.to_owned(), keys: self.keys.clone() };
        let broken = |e: serde_json::Error| crate::crypto::Error::System(format!("keys.json: {e}"));
        let mut bytes = serde_json::to_vec_pretty(&page).map_err(broken)?;
        bytes.push(b'\n');
        Ok(Secret::new(bytes))
    }
}
