//! Whom this home trusts to sign: the partners on record, oneself, and whoever a command names for one run.

use super::partners::Known;
use super::{Config, Home, Result, partners};
use crate::bundle::{Pins, Revealed, Trusted};
use crate::crypto::{Certificate, PublicKey};
use crate::format::card::SignedCard;
use crate::format::changed;
use crate::format::envelope::NAMESPACE;
use crate::format::revoked::Revoked;
use crate::format::signerlist::{Certified, Listed, SignerList};
use crate::format::sshline::Unusable;
use crate::format::time::Time;
use crate::policy::{Assurance, Refusal};

/// Pinned keys.
///
/// Of a card the first key is pinned, which signed it, and those with a proof. The others are its owner's word, and
/// anybody can list somebody else's public key.
#[derive(Debug, Default)]
pub struct Trust {
    known: Vec<Pin>,
    principals: Vec<String>,
    revoked: Revoked,
    /// What is demanded of the keys of whoever sends.
    assurance: Assurance,
}

/// A key, and who it is here.
#[derive(Debug)]
struct Pin {
    listed: Listed,
    name: String,
    /// Whether the name is that of a partner on record, so that the key is found under it.
    on_record: bool,
}

impl Trust {
    /// The partners of a home, and its own firm.
    ///
    /// # Errors
    /// A record that can't be read.
    pub fn of(home: &Home) -> Result<Trust> {
        let mut trust = Trust { assurance: Config::of(home)?.assurance, ..Trust::default() };
        if let Some(own) = super::keys::own_card(home)? {
            trust.add_card(own, partners::YOU, true);
        }
        for (key, until) in super::cardlife::past_keys(home)? {
            trust.add_lines([Listed { until: Some(until), ..Listed::bare(key) }], partners::YOU, true);
        }
        for partner in partners::list(home)? {
            let past = partner.past.iter().filter_map(|past| Some((past.key.parse().ok()?, past.until)));
            let past = past.map(|(key, until)| Listed { until: Some(until), ..Listed::bare(key) });
            trust.add_lines(past, &partner.name, true);
            match partner.known {
                Known::Card(card) => trust.add_card(*card, &partner.name, true),
                Known::Keys(keys) => trust.add_lines(keys.signers, &partner.name, true),
            }
        }
        Ok(trust)
    }

    fn add_card(&mut self, card: SignedCard, name: &str, on_record: bool) {
        let until = card.card.expires;
        let proven = card.proven.into_iter().map(|key| Listed { until, ..Listed::bare(key) });
        self.add_lines(proven, name, on_record);
    }

    fn add_lines(&mut self, lines: impl IntoIterator<Item = Listed>, name: &str, on_record: bool) {
        let pin = |listed| Pin { listed, name: name.to_owned(), on_record };
        self.known.extend(lines.into_iter().map(pin));
    }

    /// What is pinned by what is on record, with the names.
    pub fn on_record(&self) -> impl Iterator<Item = (&str, &Listed)> {
        self.known.iter().filter(|pin| pin.on_record).map(|pin| (pin.name.as_str(), &pin.listed))
    }

    /// The partner on record who sent something, by a key on record: a file that is named for one run can call its
    /// keys what it likes, and gets no partner's exceptions by that.
    fn partner(&self, trusted: &Trusted) -> Option<&str> {
        self.partner_of(trusted.sender(), &trusted.signed().signers.first()?.key)
    }

    /// The same of a key, and who it is here.
    pub(super) fn partner_of(&self, name: &str, key: &PublicKey) -> Option<&str> {
        let is = |pin: &&Pin| pin.name == name && (pin.listed.authority || pin.listed.key == *key);
        self.known.iter().filter(|pin| pin.on_record).find(is).map(|pin| pin.name.as_str())
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

    /// Adds the signers of a card, or the keys of a file of public keys or `allowed_signers` lines. Returns the lines
    /// that can't be used, and so pin nothing.
    ///
    /// # Errors
    /// A file that starts as a card and is none; one in which no line can be used.
    pub fn add_file(&mut self, bytes: &[u8], name: &str) -> Result<Vec<Unusable>> {
        if bytes.starts_with(b"{") {
            let card = SignedCard::read(bytes)?;
            let called = card.card.name.clone();
            self.add_card(card, &called, false);
            return Ok(Vec::new());
        }
        let list = SignerList::parse(bytes);
        if list.lines.is_empty() {
            let first = list.unusable.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
            return Err(changed("signer file", format!("no key in it can be used ({first})")).into());
        }
        self.add_lines(list.lines, name, false);
        Ok(list.unusable)
    }

    /// From here on, only who is one of these is known: a partner by its name here, a line of a file by its principals.
    pub fn demand(&mut self, principals: &[String]) {
        self.principals.extend_from_slice(principals);
    }

    /// Who was asked for.
    #[must_use]
    pub fn demands(&self) -> &[String] {
        &self.principals
    }

    /// Takes trust away from what a list revokes, wherever it is known from.
    pub fn revoke(&mut self, list: Revoked) {
        self.revoked.add(list);
    }

    /// The name under which the authority of a certificate is pinned here for signatures made at that time.
    #[must_use]
    pub fn who_is_certified(&self, certified: &Certified, at: Time) -> Option<String> {
        if self.revoked.has_certificate(certified).unwrap_or(true) {
            return None;
        }
        let pins = self.known.iter().filter(|pin| pin.listed.speaks(NAMESPACE, at));
        pins.filter_map(|pin| self.name(pin, |asked| pin.listed.certifies(certified, asked, at))).next()
    }

    /// The name of a pin that fits whoever is asked for.
    fn name(&self, pin: &Pin, fits: impl Fn(Option<&str>) -> bool) -> Option<String> {
        if self.principals.is_empty() || (pin.on_record && self.principals.contains(&pin.name)) {
            return fits(None).then(|| pin.name.clone());
        }
        let asked = self.principals.iter().find(|asked| self.may_be(pin, asked) && fits(Some(asked)))?;
        Some(if pin.on_record { pin.name.clone() } else { format!("{asked} ({})", pin.name) })
    }

    /// Whether a pin can be somebody by the principals of its line. On record a key is its partner's by the partner's
    /// name alone, or a list that a partner sent could give its keys another one's name; and nobody whom an authority
    /// certifies is a partner of another name. `allowed` writes the same.
    fn may_be(&self, pin: &Pin, asked: &str) -> bool {
        !pin.on_record || (pin.listed.authority && !self.known.iter().any(|p| p.on_record && p.name == asked))
    }
}

/// What a certificate says, as far as lists of signers go.
fn says(certificate: &Certificate) -> Certified {
    Certified {
        key: certificate.key.clone(),
        authority: certificate.authority.clone(),
        serial: certificate.serial,
        id: certificate.id.clone(),
        principals: certificate.principals.clone(),
        from: certificate.valid_after,
        until: certificate.valid_before,
    }
}

impl Pins for Trust {
    fn who(&self, key: &PublicKey, at: Time) -> Option<String> {
        if self.is_revoked(key) {
            return None;
        }
        let is = |pin: &&Pin| !pin.listed.authority && pin.listed.key == *key && pin.listed.speaks(NAMESPACE, at);
        self.known.iter().filter(is).find_map(|pin| self.name(pin, |asked| pin.listed.is_of(asked)))
    }

    fn who_certified(&self, certificate: &Certificate, at: Time) -> Option<String> {
        // A critical option means: refuse, if you don't know it.
        if !certificate.is_user || !certificate.critical_options.is_empty() {
            return None;
        }
        self.who_is_certified(&says(certificate), at)
    }

    fn is_revoked_certificate(&self, certificate: &Certificate) -> bool {
        self.revoked.has_certificate(&says(certificate)).unwrap_or(true)
    }

    fn is_revoked(&self, key: &PublicKey) -> bool {
        // A key that can't be looked up is not trusted either.
        self.revoked.has(key).unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn key() -> PublicKey {
        SigningKey::generate().unwrap().public()
    }

    fn now() -> Time {
        "2026-11-23T13:40:00Z".parse().unwrap()
    }

    fn by(authority: &PublicKey, principals: &[&str]) -> Certified {
        let principals = principals.iter().map(|name| (*name).to_owned()).collect();
        let (serial, id) = (7, "id".to_owned());
        Certified { key: key(), authority: authority.clone(), serial, id, principals, from: 0, until: u64::MAX }
    }

    fn line(start: &str, key: &PublicKey) -> String {
        format!("{start} {}\n", key.line().unwrap())
    }

    #[test]
    fn a_certificate_is_known_by_its_authority_and_not_by_its_own_key() {
        let (authority, plain) = (key(), key());
        let mut trust = Trust::default();
        let list = line("*@x.example cert-authority", &authority) + &line("bob", &plain);
        trust.add_file(list.as_bytes(), "list").unwrap();
        assert_eq!(trust.who(&authority, now()), None);
        assert_eq!(trust.who(&plain, now()).as_deref(), Some("list"));
        let certified = by(&authority, &["root", "eve@x.example"]);
        assert_eq!(trust.who_is_certified(&certified, now()).as_deref(), Some("list"));
        assert_eq!(trust.who_is_certified(&Certified { until: 1, ..certified.clone() }, now()), None);
        assert_eq!(trust.who_is_certified(&by(&authority, &["root"]), now()), None);
        assert_eq!(trust.who_is_certified(&by(&plain, &["bob"]), now()), None);
        trust.demand(&["eve@x.example".to_owned()]);
        assert_eq!(trust.who_is_certified(&certified, now()).as_deref(), Some("eve@x.example (list)"));
        assert_eq!(trust.who_is_certified(&by(&authority, &["bob@x.example"]), now()), None);
        trust.revoke(Revoked::parse(line("", &authority).trim().as_bytes()).unwrap());
        assert_eq!(trust.who_is_certified(&certified, now()), None);
    }

    #[test]
    fn what_a_partner_certifies_is_no_other_partner() {
        let (authority, plain) = (key(), key());
        let known = |asked: &[&str]| {
            let mut trust = Trust::default();
            let lines = line("* cert-authority", &authority) + &line("birch,*", &plain);
            trust.add_lines(SignerList::parse(lines.as_bytes()).lines, "acme", true);
            trust.add_lines([Listed::bare(key())], "birch", true);
            trust.demand(&asked.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            trust
        };
        let certified = by(&authority, &["birch", "carol"]);
        assert_eq!(known(&[]).who_is_certified(&certified, now()).as_deref(), Some("acme"));
        assert_eq!(known(&["carol"]).who_is_certified(&certified, now()).as_deref(), Some("acme"));
        assert_eq!(known(&["acme"]).who_is_certified(&certified, now()).as_deref(), Some("acme"));
        assert_eq!(known(&["birch"]).who_is_certified(&certified, now()), None);
        assert_eq!(known(&["birch"]).who(&plain, now()), None);
        assert_eq!(known(&["acme"]).who(&plain, now()).as_deref(), Some("acme"));
    }
}
