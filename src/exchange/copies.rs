//! Copies of the keys: the file and the paper (FORMAT §8.6), each locked by a passphrase, and what the ledger knows of
//! them.

use super::held::Held;
use super::{Home, Ledger, Result, keys};
use crate::crypto::{self, Secret, SeedKind, seed_of};
use crate::format::copytext::{self, CARD, ROSTER, SIGNING};
use crate::format::paper::Paper;
use crate::format::time::Time;
use crate::format::typed;

/// The work factor for copies: what stock age takes. A copy lies where it may be found, and is opened once.
pub const WORK: u8 = 18;

/// A paper copy, ready to be printed.
#[derive(Debug)]
pub struct OnPaper {
    /// The age file as text: what the QR code says.
    pub armour: String,
    /// The same as lines that can be typed.
    pub lines: Vec<String>,
    /// What is not on it.
    pub left_out: Vec<String>,
}

/// A copy that the ledger tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCopy {
    /// When it was made.
    pub at: Time,
    /// `file` or `paper`.
    pub form: String,
    /// Whether it holds the keys as they are now.
    pub current: bool,
}

/// The file: everything, as an armoured age file.
///
/// # Errors
/// [`crate::format::Error::TooLarge`]; when the library refuses.
pub fn to_file(held: &Held, lock: &Secret, work: u8, now: Time) -> Result<String> {
    let card = held.card.document.to_bytes();
    let signing = held.signing.open_file()?;
    let roster = held.roster.file()?;
    let mut ssh = Vec::new();
    for (name, key) in &held.ssh {
        ssh.push((format!("ssh/{name}"), key.open_file()?));
    }
    let mut files: Vec<(&str, &[u8])> = vec![(SIGNING, signing.expose()), (CARD, &card), (ROSTER, roster.expose())];
    files.extend(ssh.iter().map(|(name, file)| (name.as_str(), file.expose())));
    let text = copytext::spell(&remarks(held, now), &held.identities, &files)?;
    Ok(crypto::armour(&crypto::encrypt_with_passphrase(lock, work, text.expose())?)?)
}

fn remarks(held: &Held, now: Time) -> String {
    let card = &held.card.card;
    format!(
        "Keys of {} <{}>, card number {}, copied {now}.\n\
         Whoever reads this opens what was locked to that firm, and signs in its name.\n\
         To put them back: consign key import FILE\n\
         By hand, the signing key: sed -n 's/^#signing| //p'",
        card.name, card.contact, card.number
    )
}

/// The paper: the keys that are seeds, as lines to type and as a text for a QR code.
///
/// # Errors
/// [`crypto::Error::BadKey`] when the signing key has no seed, or there is no identity that has one; a name too long.
pub fn to_paper(held: &Held, lock: &Secret, work: u8) -> Result<OnPaper> {
    let bad = |why: &str| crypto::Error::BadKey { what: "paper copy", why: why.to_owned() };
    let card = &held.card.card;
    let mut left_out: Vec<String> =
        held.ssh.iter().map(|(name, _)| format!("the SSH key {name}, which is too long to type")).collect();
    let (mut classical, mut quantum) = (Vec::new(), Vec::new());
    for line in held.identities.text()?.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        match seed_of(line) {
            Some((SeedKind::Classical, seed)) => classical.push(seed),
            Some((SeedKind::PostQuantum, seed)) => quantum.push(seed),
            None => left_out.push("a key of an age plugin, whose secret is in its hardware".to_owned()),
        }
    }
    if classical.is_empty() && quantum.is_empty() {
        return Err(bad("no key here opens bundles and can be typed; make a copy as a file").into());
    }
    let signing = held.signing.seed().ok_or_else(|| bad("only an Ed25519 signing key can be typed; make a file"))?;
    // Only the first key of a card can make the next one.
    let first = held.card.signers.first() == Some(&held.signing.public()?);
    let number = if first { card.number } else { 0 };
    let paper = Paper {
        number: u32::try_from(number).map_err(|_| bad("the number of the card is too high"))?,
        created: card.created,
        card: held.card.id(),
        name: card.name.clone(),
        contact: card.contact.clone(),
        classical,
        quantum,
        signing,
    };
    let file = crypto::encrypt_with_passphrase(lock, work, paper.to_bytes(overhead(work))?.expose())?;
    let lines = typed::spell(&file).ok_or_else(|| bad("there are too many keys for a paper; make a file"))?;
    Ok(OnPaper { armour: crypto::armour(&file)?, lines, left_out })
}

/// How much longer than its plaintext an age file with one scrypt stanza is, up to 64 KiB.
fn overhead(work: u8) -> usize {
    180 + if work > 9 { 2 } else { 1 }
}

/// The last copy that was made of the keys of this home.
///
/// # Errors
/// A ledger that can't be read.
pub fn last(home: &Home) -> Result<Option<LastCopy>> {
    let own = keys::own_card(home)?.map(|card| card.id().to_string());
    let mut last: Option<LastCopy> = None;
    for line in Ledger::open(home).lines()? {
        let line = line?;
        let text = |key: &str| line.fields.get(key).and_then(|v| v.as_str());
        match line.event.as_str() {
            "key-copied" => {
                let current = text("card").map(str::to_owned) == own;
                let form = text("form").unwrap_or("file").to_owned();
                last = Some(LastCopy { at: line.at, form, current });
            }
            // What a copy put back here is a copy of it. A paper that made a new card is older than that.
            "key-restored" => {
                let current = text("from").map(str::to_owned) == own;
                let form = text("form").unwrap_or("file").to_owned();
                last = Some(LastCopy { at: line.at, form, current });
            }
            // What came to the keys after it is not in it.
            "key-imported" => last = last.map(|copy| LastCopy { current: false, ..copy }),
            _ => {}
        }
    }
    Ok(last)
}
