//! Keys that come in: a firm put back from a copy, a firm made of keys that people have, further keys for a home that
//! has some (FORMAT §8.3, §8.6). Nothing that is there is overwritten.

use super::held::Held;
use super::keys::THIS_MACHINE;
use super::material::{IdentityLine, Material, lines};
use super::rekey::{IDENTITY, Rekey};
use super::roster::{self, MADE_HERE, Roster, Use};
use super::{Error, Home, Result, keys, ssh};
use crate::crypto::{
    self, PassphraseSource, Secret, SeedKind, SigningKey, SshKey, identity_line, is_post_quantum, opens,
};
use crate::files;
use crate::format::card::{Card, CardKey, SignedCard};
use crate::format::changed;
use crate::format::copytext::{CARD, CopyText, ROSTER, SIGNING, is_key_name};
use crate::format::paper::Paper;
use crate::format::time::Time;

/// The largest identity file that other versions read back, in bytes.
const IDENTITIES_MAX: usize = 60 << 10;

/// What keys are called that came back from paper, where their labels don't stand.
const FROM_PAPER: &str = "from paper";

/// A key that came into a home that has keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its public half: a recipient string, or `type base64`.
    pub public: String,
    /// Whether it opens bundles; others only sign.
    pub opens: bool,
    /// The file in the home.
    pub file: String,
    /// Whether it was there before.
    pub known: bool,
}

/// Where keys came from, and what to call them.
pub struct Origin<'a> {
    /// A file's name, for people.
    pub from: &'a str,
    /// A label, if one was given.
    pub label: Option<&'a str>,
    /// Now.
    pub now: Time,
}

impl Held {
    /// The keys in a copy.
    ///
    /// # Errors
    /// When something in it does not fit together.
    pub fn of_copy(copy: &CopyText) -> Result<Held> {
        let file =
            |name: &str| copy.files.get(name).ok_or_else(|| changed("copy of keys", format!("{name} is missing")));
        let card = SignedCard::read(file(CARD)?.expose())?;
        let (signing, _) = SshKey::read(file(SIGNING)?, "the copy", &Nobody)?;
        if !card.signers.contains(&signing.public()?) {
            return Err(changed("copy of keys", "its key is not on its card").into());
        }
        let mut ssh = Vec::new();
        for (name, file) in &copy.files {
            if let Some(name) = name.strip_prefix("ssh/") {
                ssh.push((name.to_owned(), SshKey::read(file, "the copy", &Nobody)?.0));
            }
        }
        let identities = own_lines(copy.identities.text()?);
        lines(identities.text()?, "the copy")?;
        let roster = copy.files.get(ROSTER).and_then(|file| Roster::read(file.expose()));
        let roster = roster.unwrap_or_else(|| Roster::of_card(&card));
        Ok(Held { identities, signing, ssh, card, roster })
    }

    /// The keys on a paper copy. `card` is the firm's newest card, if somebody still has it; else the next one is made,
    /// so that partners take it without a call.
    ///
    /// # Errors
    /// A card of other keys; when the next card can't be made.
    pub fn of_paper(paper: &Paper, card: Option<SignedCard>, now: Time) -> Result<Held> {
        let signing = SshKey::from_seed(&paper.signing)?;
        let mut text = Vec::new();
        let kinds = [(SeedKind::Classical, &paper.classical), (SeedKind::PostQuantum, &paper.quantum)];
        for (kind, seed) in kinds.into_iter().flat_map(|(kind, seeds)| seeds.iter().map(move |seed| (kind, seed))) {
            let line = identity_line(kind, seed);
            let recipient = lines(line.text()?, "the paper")?.remove(0).recipient;
            text.push((comments(&recipient, FROM_PAPER, "a paper copy", paper.created), line));
        }
        let identities = joined(&[], &text);
        let key = signer(&signing)?;
        let card = match card {
            Some(card) if card.signers.contains(&key.public()) => card,
            Some(_) => return Err(changed("card", "it is not a card of the keys on the paper").into()),
            None if paper.number == 0 => return Err(Error::CardNeeded),
            None => {
                let found = lines(identities.text()?, "the paper")?;
                let (pq, recipients) = on_card(found.iter().map(|l| (l.recipient.as_str(), FROM_PAPER)));
                let next = Card {
                    number: u64::from(paper.number) + 1,
                    previous: Some(paper.card),
                    ..blank(&paper.name, &paper.contact, recipients, pq, &signing.line()?, now)
                };
                SignedCard::sign_after(&next, &key, &key)?
            }
        };
        let mut roster = Roster::default();
        for found in lines(identities.text()?, "the paper")? {
            roster.add(Use::Encryption, &found.recipient, FROM_PAPER, "a paper copy", now);
        }
        roster.add(Use::Signing, &signing.line()?, FROM_PAPER, "a paper copy", now);
        Ok(Held { identities, signing, ssh: Vec::new(), card, roster })
    }

    /// The keys of a new firm, made of keys that it has: the first SSH key signs, and what is lacking is made.
    ///
    /// # Errors
    /// When there is an SSH key that can't sign; when the card can't be made.
    pub fn of_keys(found: Vec<(String, Material)>, name: &str, contact: &str, origin: &Origin<'_>) -> Result<Held> {
        let (mut identities, mut ssh) = (Vec::new(), Vec::new());
        for (from, material) in found {
            match material {
                Material::Identities(lines) => identities.extend(lines.into_iter().map(|line| (from.clone(), line))),
                Material::Ssh(key) => ssh.push((from, *key)),
                Material::Copy(_) | Material::Paper(_) => {
                    return Err(changed("copy of keys", "it is of a firm of its own").into());
                }
            }
        }
        let (from, signing) = match ssh.is_empty() {
            true => (MADE_HERE.to_owned(), from_signing(&SigningKey::generate()?)?),
            false => ssh.remove(0),
        };
        let key = signer(&signing)?;
        let fresh = crypto::new_identities(&origin.now.to_string())?;
        let mut text = Vec::new();
        let mut listed: Vec<(String, &str)> = Vec::new();
        let mut roster = Roster::default();
        for (from, line) in identities {
            let label = origin.label.unwrap_or("imported");
            text.push((comments(&line.recipient, label, &from, origin.now), line.line));
            roster.add(Use::Encryption, &line.recipient, label, &files::printable(&from), origin.now);
            listed.push((line.recipient, label));
        }
        // What opens classical and post-quantum bundles is made where none came in.
        for made in lines(fresh.file.text()?, "a new key")? {
            let quantum = is_post_quantum(&made.recipient);
            if !listed.iter().any(|(key, _)| is_post_quantum(key) == quantum) {
                let line = format!("# created: {}\n# public key: {}\n", origin.now, made.recipient);
                text.push((line, made.line));
                roster.add(Use::Encryption, &made.recipient, THIS_MACHINE, MADE_HERE, origin.now);
                listed.push((made.recipient, THIS_MACHINE));
            }
        }
        roster.add(Use::Signing, &signing.line()?, THIS_MACHINE, &files::printable(&from), origin.now);
        let (pq, recipients) = on_card(listed.iter().map(|(key, label)| (key.as_str(), *label)));
        let card = SignedCard::sign(&blank(name, contact, recipients, pq, &signing.line()?, origin.now), &key)?;
        let ssh = ssh.into_iter().map(|(from, key)| (key_name(&from), key)).collect();
        Ok(Held { identities: joined(&[], &text), signing, ssh, card, roster })
    }
}

struct Nobody;

impl PassphraseSource for Nobody {
    fn passphrase(&self, _: &str) -> crypto::Result<Secret> {
        Err(crypto::Error::NeedsPassphrase { what: "key" })
    }
}

/// The lines of a copy that belong into the identity file again.
fn own_lines(text: &str) -> Secret {
    let known = ["# created: ", "# public key: ", "# label: ", "# from: "];
    let is_own = |line: &&str| !line.starts_with('#') || known.iter().any(|start| line.starts_with(start));
    let mut out = Vec::with_capacity(text.len());
    for line in text.lines().filter(is_own) {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    Secret::new(out)
}

/// An identity file: what there was, and each new line after its comments. Its room is made at once, so that growing
/// leaves no copy of a secret behind.
fn joined(before: &[u8], more: &[(String, Secret)]) -> Secret {
    let end = if before.is_empty() || before.ends_with(b"\n") { &b""[..] } else { b"\n" };
    let mut parts = vec![before, end];
    parts.extend(more.iter().flat_map(|(comments, line)| [comments.as_bytes(), line.expose(), b"\n"]));
    Secret::new(parts.concat())
}

fn comments(recipient: &str, label: &str, from: &str, created: Time) -> String {
    let (label, from) = (files::printable(label), files::printable(from));
    format!("# label: {label}\n# from: {from}\n# created: {created}\n# public key: {recipient}\n")
}

fn on_card<'a>(keys: impl Iterator<Item = (&'a str, &'a str)>) -> (Vec<CardKey>, Vec<CardKey>) {
    keys.map(|(key, label)| CardKey::new(key, label)).partition(|key| is_post_quantum(&key.key))
}

fn blank(name: &str, contact: &str, recipients: Vec<CardKey>, pq: Vec<CardKey>, signer: &str, created: Time) -> Card {
    Card {
        consign: "card/1".to_owned(),
        name: name.to_owned(),
        contact: contact.to_owned(),
        number: 1,
        created,
        expires: None,
        recipients,
        pq,
        signers: vec![CardKey::new(signer, THIS_MACHINE)],
        previous: None,
    }
}

/// An SSH key as one that signs.
fn signer(key: &SshKey) -> Result<SigningKey> {
    Ok(SigningKey::read(&key.open_file()?, "the SSH key", &Nobody)?)
}

fn from_signing(key: &SigningKey) -> Result<SshKey> {
    let lock = Secret::new(crypto::random::<32>()?.to_vec());
    Ok(SshKey::read(&key.file(&lock)?, "a new key", &Fixed(lock))?.0)
}

struct Fixed(Secret);

impl PassphraseSource for Fixed {
    fn passphrase(&self, _: &str) -> crypto::Result<Secret> {
        Ok(Secret::new(self.0.expose().to_vec()))
    }
}

/// Writes the keys of a firm into a home that has none, locked by `lock`: all of them, or none if it is killed.
///
/// # Errors
/// [`Error::KeyExists`], [`Error::KeyUnfinished`]; what the system says.
pub fn install(home: &Home, held: &Held, lock: &Secret, work: u8) -> Result<()> {
    let mut change = Rekey::begin(home)?;
    keys::ensure_none(home)?;
    let locked = crypto::encrypt_with_passphrase(lock, work, held.identities.expose())?;
    for (name, key) in &held.ssh {
        change.put(&format!("{}/{name}", ssh::FOLDER), key.file(lock)?);
    }
    change.put(IDENTITY, Secret::new(locked));
    change.put(keys::SIGNING, held.signing.file(lock)?);
    change.put(keys::SIGNING_PUB, Secret::new(format!("{} consign\n", held.signing.line()?).into_bytes()));
    change.put(roster::FILE, held.roster.file()?);
    change.put(CARD, Secret::new(held.card.document.to_bytes()));
    change.commit()
}

/// A home's keys, about to get further ones.
pub struct Adding<'a> {
    change: Rekey<'a>,
    held: Held,
    more: Vec<(String, Secret)>,
    ssh: Vec<(String, SshKey)>,
    kept: Vec<Kept>,
}

impl<'a> Adding<'a> {
    /// Begins: waits for other changes, unlocks what is there.
    ///
    /// # Errors
    /// The errors of unlocking it; what the system says.
    pub fn begin(home: &'a Home, source: &dyn PassphraseSource) -> Result<Adding<'a>> {
        let change = Rekey::begin(home)?;
        let held = Held::unlock(home, source)?;
        Ok(Adding { change, held, more: Vec::new(), ssh: Vec::new(), kept: Vec::new() })
    }

    /// Takes identities; those that are there are only named.
    ///
    /// # Errors
    /// When the home's own can't be read.
    pub fn identities(&mut self, found: Vec<IdentityLine>, origin: &Origin<'_>) -> Result<()> {
        let have = lines(self.held.identities.text()?, keys::OWN_KEY)?;
        for found in found {
            let taken = found.known && self.kept.iter().any(|kept| kept.public == found.recipient);
            let known = taken || have.iter().any(|own| own.is(&found));
            let IdentityLine { line, recipient, .. } = found;
            if !known {
                let label = origin.label.unwrap_or("imported");
                self.more.push((comments(&recipient, label, origin.from, origin.now), line));
                self.held.roster.add(Use::Encryption, &recipient, label, &files::printable(origin.from), origin.now);
            }
            self.kept.push(Kept { public: recipient, opens: true, file: IDENTITY.to_owned(), known });
        }
        Ok(())
    }

    /// Takes an SSH key.
    ///
    /// # Errors
    /// When the home's own can't be read.
    pub fn ssh(&mut self, key: SshKey, origin: &Origin<'_>) -> Result<()> {
        let public = key.line()?;
        let own = self.held.signing.line()? == public;
        let mut known = if own { Some(SIGNING.to_owned()) } else { None };
        for (name, there) in self.held.ssh.iter().chain(&self.ssh) {
            if there.line()? == public {
                known = Some(format!("{}/{name}", ssh::FOLDER));
            }
        }
        let opens = opens(&public);
        if let Some(file) = known {
            self.kept.push(Kept { public, opens, file, known: true });
            return Ok(());
        }
        let taken: Vec<&str> = self.held.ssh.iter().chain(&self.ssh).map(|(name, _)| name.as_str()).collect();
        let name = free_name(&key_name(origin.label.unwrap_or(origin.from)), &taken);
        let usage = if opens { Use::Encryption } else { Use::Signing };
        self.held.roster.add(usage, &public, &name, &files::printable(origin.from), origin.now);
        self.kept.push(Kept { public, opens, file: format!("{}/{name}", ssh::FOLDER), known: false });
        self.ssh.push((name, key));
        Ok(())
    }

    /// Whether there is anything new.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.more.is_empty() && self.ssh.is_empty()
    }

    /// Makes the change, locked by the home's passphrase.
    ///
    /// # Errors
    /// [`crate::format::Error::TooLarge`]; what the system says.
    pub fn commit(mut self, lock: &Secret, work: u8) -> Result<Vec<Kept>> {
        let text = joined(self.held.identities.expose(), &self.more);
        if text.expose().len() > IDENTITIES_MAX {
            return Err(crate::format::too_large("identity file", "60 KiB at most").into());
        }
        let locked = crypto::encrypt_with_passphrase(lock, work, text.expose())?;
        self.change.put(IDENTITY, Secret::new(locked));
        for (name, key) in &self.ssh {
            self.change.put(&format!("{}/{name}", ssh::FOLDER), key.file(lock)?);
        }
        self.change.put(roster::FILE, self.held.roster.file()?);
        self.change.commit()?;
        Ok(self.kept)
    }
}

/// A name for a key's file, from the name of the file that it came in.
fn key_name(from: &str) -> String {
    let last = from.rsplit(['/', '\\']).next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = last.chars().map(|c| if fits(c) { c } else { '-' }).take(48).collect();
    let name = name.trim_matches(['.', '-']).trim_end_matches(".next").to_owned();
    if is_key_name(&name) { name } else { "key".to_owned() }
}

fn free_name(wanted: &str, taken: &[&str]) -> String {
    let other = (2..).map(|n| format!("{wanted}-{n}"));
    let free = |name: &String| !taken.contains(&name.as_str());
    std::iter::once(wanted.to_owned()).chain(other).find(free).unwrap_or_default()
}

/// Whether a firm's keys are those of this home.
///
/// # Errors
/// A card that can't be read.
pub fn is_same_firm(home: &Home, firm: &Held) -> Result<bool> {
    let own = keys::own_card(home)?;
    let signer = firm.signing.public()?;
    Ok(own.is_some_and(|own| own.signers.contains(&signer)))
}

/// Refuses keys of another firm.
///
/// # Errors
/// [`Error::KeyExists`].
pub fn ensure_same_firm(home: &Home, firm: &Held) -> Result<()> {
    if is_same_firm(home, firm)? { Ok(()) } else { Err(Error::KeyExists { path: home.card() }) }
}
