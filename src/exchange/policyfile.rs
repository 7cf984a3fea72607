//! A policy file, read, and everybody that it names looked up: partners on record here, cards beside the file,
//! fingerprints and recipient strings. What a policy says is data; the only files that it can name are cards in its own
//! folder.

use std::path::Path;

use super::locks::Locks;
use super::tomlfile::Text;
use super::trust::Trust;
use super::{Home, Result, keys, partners};
use crate::bundle::{Revealed, Signed};
use crate::crypto::{Fingerprint, Recipient};
use crate::files;
use crate::format::card::SignedCard;
use crate::format::terms::TermsId;
use crate::format::time::Time;
use crate::format::version::DOCUMENT_MAX;
use crate::policy::demand::Demand;
use crate::policy::verdict::{Inside, Outside, Parties, Party, Signer, judge};
use crate::policy::{Refusal, verdict};

/// The largest policy that is read, in bytes.
pub const POLICY_MAX: u64 = 256 << 10;

/// A policy, and whom its names stand for.
pub struct PolicyFile {
    /// What it demands.
    pub demand: Demand,
    parties: Parties,
}

impl PolicyFile {
    /// Reads a policy. Cards that it names lie beside `path`.
    ///
    /// # Errors
    /// [`super::Error::Mistake`], also for names that stand for nobody, and for what no bundle can meet.
    pub fn parse(bytes: &[u8], path: &Path, home: &Home) -> Result<PolicyFile> {
        let text = Text::new(bytes, path)?;
        let demand: Demand = text.parse()?;
        if demand.is_empty() {
            return Err(text.mistake(&(0..0), "it demands nothing, and every bundle would pass"));
        }
        let wrong = |key: &str, why: String| {
            let at = text.text().find(key).unwrap_or_default();
            text.mistake(&(at..at + key.len()), why)
        };
        if let Some((key, why)) = demand.impossible() {
            return Err(wrong(key, why));
        }
        for (key, span) in [("max-age", &demand.max_age), ("expires-within", &demand.expires_within)] {
            if let Some(span) = span.as_ref().filter(|span| Time::from_unix(0).later_by(span).is_none()) {
                return Err(wrong(key, format!("`{key}`: `{span}` is no span, such as 90d or 18mo")));
            }
        }
        if let Some(id) = demand.contents.terms.iter().flatten().find(|id| TermsId::parse(id.as_bytes()).is_none()) {
            return Err(wrong(id, "a terms id has exactly 64 lower-case hex digits".to_owned()));
        }
        let mut parties = Parties::new();
        let (signers, recipients) = (&demand.signers, &demand.recipients);
        for name in [&signers.all_of, &signers.any_of, &signers.only].into_iter().flatten().flatten() {
            let party = party(name, path, home, true).map_err(|why| wrong(name, why))?;
            parties.insert(name.clone(), party);
        }
        for name in [&recipients.all_of, &recipients.any_of, &recipients.only].into_iter().flatten().flatten() {
            let locks = party(name, path, home, false).map_err(|why| wrong(name, why))?.locks;
            parties.entry(name.clone()).or_default().locks = locks;
        }
        Ok(PolicyFile { demand, parties })
    }

    /// Holds a bundle against the policy; `revealed` is the same bundle, opened, where something is demanded inside.
    ///
    /// # Errors
    /// [`Refusal::Policy`] with all that is not as it demands.
    pub fn judge(&self, signed: &Signed, trust: &Trust, revealed: Option<&Revealed>, now: Time) -> Result<()> {
        let says = signed.says();
        let signers: Vec<Signer> = signed
            .signers
            .iter()
            .map(|signer| {
                let known = signer.known_as.as_deref();
                let partner = known.and_then(|name| trust.partner_of(name, &authority(signer)).map(str::to_owned));
                Signer {
                    key: signer.certificate.is_none().then(|| signer.fingerprint.clone()),
                    partner,
                    known: known.is_some(),
                    revoked: signer.revoked,
                    shown: known.map_or_else(|| signer.fingerprint.to_string(), str::to_owned),
                }
            })
            .collect();
        let mut post_quantum = true;
        for n in 0..says.compartments.len() {
            post_quantum &= signed.is_post_quantum(n)?;
        }
        let outside = Outside { says, size: signed.size(), post_quantum, signers: &signers, now };
        let inside = revealed.map(|revealed| Inside {
            parts: revealed.open.iter().map(|part| (&part.front.head, &part.front.terms)).collect(),
            closed: &revealed.closed,
        });
        Ok(judge(&self.demand, &self.parties, &outside, inside.as_ref()).map_err(Refusal::from)?)
    }
}

/// What a name in a policy stands for.
fn party(name: &str, policy: &Path, home: &Home, signs: bool) -> std::result::Result<Party, String> {
    if signs && name.starts_with("SHA256:") {
        let key = Fingerprint::try_from(name.to_owned()).map_err(|why| format!("`{name}` is {why}"))?;
        return Ok(Party { signs: vec![(key, None)], ..Party::default() });
    }
    if !signs && (name.starts_with("age1") || name.starts_with("ssh-")) {
        let key: Recipient = name.parse().map_err(|e| format!("{e}"))?;
        return Ok(Party { locks: vec![key.canonical()], ..Party::default() });
    }
    if Path::new(name).extension().is_some_and(|ending| ending == "card") {
        return card(name, policy);
    }
    let locks = if name == partners::YOU {
        let card = keys::own_card(home).map_err(|e| e.to_string())?.ok_or("you have no card here")?;
        Locks::of_card(&card)
    } else {
        let partner = partners::find(home, name).map_err(|e| e.to_string())?;
        // Of some partners only signing keys are known.
        let locks = partners::locks_of(&partner);
        if signs { locks.unwrap_or_default() } else { locks.map_err(|e| e.to_string())? }
    };
    let locks = locks.classical.into_iter().chain(locks.post_quantum).collect();
    Ok(Party { partner: Some(name.to_owned()), signs: Vec::new(), locks })
}

/// A card beside the policy: a file of that folder, whatever the name says.
fn card(name: &str, policy: &Path) -> std::result::Result<Party, String> {
    if name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
        return Err(format!("`{name}`: a card's file beside the policy, without a folder"));
    }
    let path = files::folder_of(policy).join(name);
    let cannot = |why: String| format!("`{name}` can't be used: {why}");
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(cannot("it is not a file".to_owned())),
        Err(e) => return Err(cannot(e.kind().to_string())),
    }
    let bytes = files::read_file(&path, DOCUMENT_MAX).map_err(|e| cannot(e.to_string()))?;
    let card = SignedCard::read(&bytes).map_err(|e| cannot(e.to_string()))?;
    let keys = card.card.recipients.iter().chain(&card.card.pq).map(|key| key.key.clone());
    let signs = card.proven.iter().map(|key| (key.fingerprint(), card.card.expires));
    Ok(Party { partner: None, signs: signs.collect(), locks: keys.collect() })
}

/// What the pin of a signer holds: the key, which for a certificate is that of its authority.
fn authority(signer: &crate::bundle::SignedBy) -> crate::crypto::PublicKey {
    signer.certificate.as_ref().map_or_else(|| signer.key.clone(), |certificate| certificate.authority.clone())
}

/// Why a bundle is not as a policy demands, if that is what an error says.
#[must_use]
pub fn misses(error: &super::Error) -> &[verdict::Miss] {
    match error {
        super::Error::Refused(Refusal::Policy(unfit)) => &unfit.misses,
        _ => &[],
    }
}
