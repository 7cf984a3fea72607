//! Everybody whom a bundle is locked to, compartment by compartment, each with keys of one kind if that can be.

use std::collections::BTreeMap;

use super::locks::{Locks, classical_because};
use super::order::Send;
use super::{Error, Home, Result, keys, partners};
use crate::bundle;
use crate::crypto;
use crate::format::time::Time;
use crate::format::version::COMPARTMENTS_MAX;
use crate::policy::agreement::InForce;
use crate::policy::{self, Assurance, Candidate, Clearance};

/// Who gets one compartment: partners who are given the same scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The scope; none for the whole folder.
    pub scope: Option<String>,
    /// Partners.
    pub partners: Vec<String>,
    /// Recipients without a partner.
    pub recipients: Vec<String>,
}

/// One group for each scope, in the order in which the scopes were named.
///
/// # Errors
/// Nobody to send to; a scope where there are none; none where there must be one.
pub(super) fn groups(order: &Send<'_>) -> Result<Vec<Group>> {
    let mut all: Vec<Group> = Vec::new();
    let mut group = |scope: Option<&str>| -> Result<usize> {
        match (scope, order.workspace) {
            (Some(scope), None) => return Err(Error::NoWorkspace { wanted: format!("scope `{scope}`") }),
            (None, Some(_)) if !order.all => return Err(Error::ScopeNeeded),
            _ => {}
        }
        let found = all.iter().position(|group| group.scope.as_deref() == scope);
        Ok(found.unwrap_or_else(|| {
            all.push(Group { scope: scope.map(str::to_owned), partners: Vec::new(), recipients: Vec::new() });
            all.len() - 1
        }))
    };
    let mut members = Vec::new();
    for to in order.to {
        let scope = to.scope.as_deref().or(order.scope);
        members.push((group(scope)?, Some(&to.partner), None));
    }
    for key in order.recipients {
        members.push((group(order.scope)?, None, Some(key)));
    }
    for (at, partner, key) in members {
        let Some(group) = all.get_mut(at) else { continue };
        group.partners.extend(partner.filter(|name| !group.partners.contains(name)).cloned());
        group.recipients.extend(key.cloned());
    }
    if let Some(scope) = order.scope.filter(|scope| !all.iter().any(|group| group.scope.as_deref() == Some(scope))) {
        let why = format!("nobody gets `{scope}`: each partner here has a scope of its own");
        return Err(Error::BadSetting { setting: "--scope", why });
    }
    match all.len() {
        0 => Err(policy::Refusal::NoRecipient.into()),
        many if many > COMPARTMENTS_MAX => Err(policy::Refusal::TooManyScopes { count: many }.into()),
        _ => Ok(all),
    }
}

/// Everybody whom one compartment is locked to, checked.
pub(super) struct Lockers {
    /// The proof of it.
    pub clearance: Clearance,
    /// Whoever has no post-quantum key, so that the compartment has none.
    pub classical_because: Vec<String>,
    /// When their cards end.
    pub cards_end: Vec<(String, Time)>,
}

impl Lockers {
    /// Checks everybody in a group, and each plugin that it takes: whether it may be run, and is there.
    ///
    /// # Errors
    /// Refusals; records that can't be read.
    pub(super) fn of(
        home: &Home,
        order: &Send<'_>,
        group: &Group,
        proofs: &BTreeMap<String, InForce>,
        assurance: &Assurance,
    ) -> Result<Lockers> {
        let (mut candidates, classical_because) = candidates(home, order, group, assurance)?;
        for candidate in candidates.iter_mut().filter(|candidate| candidate.on_record) {
            // Nobody on record is locked to without the proof.
            let proof = proofs.get(&candidate.name).ok_or(bundle::Error::Bug)?;
            candidate.agreement = proof.agreement().map(str::to_owned);
        }
        let cards_end = candidates.iter().filter_map(|c| Some((c.name.clone(), c.card_expires?))).collect();
        let clearance = cleared(assurance, &candidates, order)?;
        Ok(Lockers { clearance, classical_because, cards_end })
    }
}

/// Everybody, checked, and each plugin that it takes: whether it may be run, and is there.
fn cleared(assurance: &Assurance, candidates: &[Candidate], order: &Send<'_>) -> Result<Clearance> {
    let clearance = policy::clear(&assurance.assure(candidates).map_err(policy::Refusal::from)?, order.now)?;
    let Some(plugins) = order.plugins else { return Ok(clearance) };
    for name in clearance.recipients().iter().filter_map(|r| r.recipient.plugin()) {
        plugins.ready(name)?;
    }
    Ok(clearance.with_plugins(plugins))
}

/// Somebody the bundle will be locked to, with all keys.
struct Party {
    name: String,
    locks: Locks,
    card_expires: Option<Time>,
    own: bool,
    on_record: bool,
}

/// The keys to lock to, of one kind for everybody if that can be; and who keeps the bundle classical.
fn candidates(
    home: &Home,
    order: &Send<'_>,
    group: &Group,
    assurance: &Assurance,
) -> Result<(Vec<Candidate>, Vec<String>)> {
    let mut parties = parties(home, order, group)?;
    for Party { name, locks, on_record, .. } in &mut parties {
        // Where hardware is demanded, a post-quantum key that is none does not stand in for one that is.
        let demanded = assurance.of(on_record.then_some(name.as_str())).hardware;
        let held = |keys: &[String]| keys.iter().all(|key| assurance.is_hardware(key));
        if demanded && !held(&locks.post_quantum) && !locks.classical.is_empty() && held(&locks.classical) {
            locks.post_quantum.clear();
        }
    }
    let because = classical_because(parties.iter().map(|p| (p.name.as_str(), &p.locks)));
    let mut all = Vec::new();
    for Party { name, locks, card_expires, own, on_record } in &parties {
        let candidate = |key: &String| Candidate {
            name: name.clone(),
            key: key.clone(),
            card_expires: *card_expires,
            own: *own,
            on_record: *on_record,
            agreement: None,
        };
        all.extend(locks.of_kind(because.is_empty()).iter().map(candidate));
    }
    Ok((all, because))
}

fn parties(home: &Home, order: &Send<'_>, group: &Group) -> Result<Vec<Party>> {
    let mut all = Vec::new();
    for name in &group.partners {
        let partner = partners::find(home, name)?;
        let card_expires = partner.card().and_then(|card| card.card.expires);
        let locks = partners::locks_of(&partner)?;
        all.push(Party { name: partner.name, locks, card_expires, own: false, on_record: true });
    }
    for key in &group.recipients {
        // In any case of letters: the clearance has the one spelling.
        let kind = key.trim().to_ascii_lowercase();
        let keys = vec![key.clone()];
        let locks = match crypto::is_post_quantum(&kind) {
            true => Locks { post_quantum: keys, ..Locks::default() },
            false => Locks { classical: keys, ..Locks::default() },
        };
        all.push(Party { name: name_of(key), locks, card_expires: None, own: false, on_record: false });
    }
    if !order.no_self {
        let locks = order.own.clone();
        all.push(Party { name: partners::YOU.into(), locks, card_expires: None, own: true, on_record: false });
    }
    Ok(all)
}

/// What a recipient without a partner is called: an SSH key's comment or fingerprint, else the recipient string.
pub(super) fn name_of(key: &str) -> String {
    if crypto::is_secret(key) {
        return "a secret key".to_owned();
    }
    let mut words = key.split_whitespace();
    let (kind, comment) = (words.next().unwrap_or_default(), words.nth(1));
    let fingerprint = || key.parse::<crypto::PublicKey>().map(|k| k.fingerprint().to_string()).ok();
    let name = comment.map(str::to_owned).or_else(fingerprint).unwrap_or_else(|| kind.to_owned());
    // FORMAT §4.3: names are labels of at most 256 bytes.
    name.chars().take(64).collect()
}

/// The keys of the sender: its card's, else those of the identities it opens with.
///
/// # Errors
/// A card that can't be read.
pub fn own_locks(home: &Home, identities: &crypto::Identities) -> Result<Locks> {
    match keys::own_card(home)? {
        Some(card) => Ok(Locks::of_card(&card)),
        None => Ok(Locks::sort(identities.recipients().map(str::to_owned))),
    }
}
