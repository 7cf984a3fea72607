//! What the verbs that open bundles share: whom to trust, and the line from a file to its open compartments.

use std::path::Path;

use consign::bundle::{self, Damage, Revealed, Signed, SignedBy, Trusted};
use consign::class::{Class, Fault};
use consign::crypto::{Identities, PublicKey, check_words};
use consign::exchange::receive::{self, Reader};
use consign::exchange::trust::Trust;
use consign::exchange::{self, repair};
use consign::files::Source;
use consign::format::revoked::Revoked;
use consign::format::sshline::Unusable;
use consign::format::version::DOCUMENT_MAX;
use serde_json::{Value, json};

use crate::cli::{Opening, Signers};
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// The largest list of keys that is read, in bytes.
pub(crate) const LIST_MAX: u64 = 16 << 20;

/// The partners on record, oneself, and the signers named for this run; without what is revoked.
pub(crate) fn trust(world: &World, signers: &Signers) -> Result<Trust, Failure> {
    let mut trust = Trust::of(&world.home)?;
    for file in &signers.files {
        let bytes = world.read(file, LIST_MAX)?;
        // A file that was named wrongly is a mistake in the command, not damage to a bundle.
        let unusable = |e: exchange::Error| {
            let message = format!("{} can't be used as --signer: {e}", file.display());
            Failure::new("bad-signer-file", Class::Usage, message).at(file)
        };
        let left = trust.add_file(&bytes, &file.display().to_string()).map_err(unusable)?;
        noted(world, file, &left);
    }
    for file in &signers.revoked {
        let bad = |e: consign::format::Error| {
            let message = format!("{} can't be used as --revoked: {e}", file.display());
            Failure::new("bad-revoked-file", Class::Usage, message).at(file)
        };
        trust.revoke(Revoked::parse(&world.read(file, LIST_MAX)?).map_err(bad)?);
    }
    trust.demand(&signers.principals);
    Ok(trust)
}

/// Says which lines of a file are not used, and why; of many, the first ones.
pub(crate) fn noted(world: &World, file: &Path, unusable: &[Unusable]) {
    const SHOWN: usize = 8;
    for one in unusable.iter().take(SHOWN) {
        world.note(format!("{}, {one}", file.display()));
    }
    if let Some(more) = unusable.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        world.note(format!("{}: {} more can't be used", file.display(), count(more as u64, "line")));
    }
}

/// Signatures and envelope, signed by somebody who is known, not expired.
pub(crate) fn trusted(world: &World, source: Source, trust: &Trust) -> Result<Trusted, Failure> {
    let name = source.name().to_owned();
    receive::trusted(source, trust, world.now).map_err(|e| not_who_was_asked_for(explain(e, &name), trust))
}

/// With --principal, a signer may well be trusted, but is not the one.
fn not_who_was_asked_for(mut failure: Failure, trust: &Trust) -> Failure {
    if failure.word == "untrusted" && !trust.demands().is_empty() {
        failure.message = format!("not signed by {}, who was asked for", trust.demands().join(" or "));
        return failure.fix("without --principal it is said who signed, if it is anybody you trust");
    }
    failure
}

/// What is left of a damaged bundle, with the same demands on its signer and its expiry, and what is damaged in it.
pub(crate) fn mended(world: &World, source: Source, trust: &Trust) -> Result<(Trusted, Vec<Damage>), Failure> {
    let name = source.name().to_owned();
    // What is no damage is told as it is told of a whole bundle.
    match receive::trusted(source.clone(), trust, world.now) {
        Err(e) if e.class() != Class::Changed => return Err(explain(e, &name)),
        _ => {}
    }
    let mended = repair::mend(vec![source], trust, world.now, &world.progress).map_err(|e| explain(e, &name))?;
    let damage = mended.damage.clone();
    Ok((mended.into_trusted(), damage))
}

/// Opens what the keys of this run open.
pub(crate) fn reveal(world: &World, trusted: Trusted, trust: &Trust, opening: &Opening) -> Result<Revealed, Failure> {
    reveal_with(world, &world.identities()?, trusted, trust, opening)
}

/// Opens what these keys open.
pub(crate) fn reveal_with(
    world: &World,
    identities: &Identities,
    trusted: Trusted,
    trust: &Trust,
    opening: &Opening,
) -> Result<Revealed, Failure> {
    let mut key_files = Vec::new();
    for file in &opening.key_files {
        key_files.push(world.read(file, DOCUMENT_MAX)?);
    }
    let compartment = opening.compartment;
    let reader = Reader { trust, identities, key_files: &key_files, compartment, now: world.now };
    receive::reveal(trusted, &reader).map_err(|e| explain(e, Path::new("")))
}

/// The whole line, for the verbs that open one bundle.
pub(crate) fn open(world: &World, bundle: &Path, signers: &Signers, opening: &Opening) -> Result<Revealed, Failure> {
    let trust = trust(world, signers)?;
    let trusted = trusted(world, world.open(bundle)?, &trust)?;
    reveal(world, trusted, &trust, opening)
}

/// Adds what a person needs to go on.
pub(crate) fn explain(error: exchange::Error, path: &Path) -> Failure {
    let facts = match &error {
        exchange::Error::Bundle(bundle::Error::Untrusted { by, claims, words, .. }) => {
            vec![("says it is", claims.clone()), ("check words", words.clone()), ("signing key", by.to_string())]
        }
        exchange::Error::Bundle(bundle::Error::NoKey { tried }) => {
            tried.iter().map(|key| ("your key", key.clone())).collect()
        }
        _ => Vec::new(),
    };
    let card = match &error {
        exchange::Error::Bundle(bundle::Error::Untrusted { card, .. }) => Some(*card),
        _ => None,
    };
    let failure = facts.into_iter().fold(Failure::from(error), |f, (label, value)| f.fact(label, value));
    let failure = if let Some(card) = card {
        let again = if path.as_os_str().is_empty() { "BUNDLE".to_owned() } else { path.display().to_string() };
        failure.fix("call them on a number you already have; are these the six words they read to you?").fix(if card {
            format!("then: consign partner add {again}     (its sender's card is inside)")
        } else {
            "then put their public key into a file, and: --signer FILE".to_owned()
        })
    } else {
        failure
    };
    let failure = match failure.word == "cut-short" && path.extension().is_some_and(|end| end == "waiting") {
        true => failure.fix("it waits for a signature; who packed it types: consign finish WAITING SIGNATURE"),
        false => failure,
    };
    if path.as_os_str().is_empty() { failure } else { failure.at(path) }
}

/// Who sent it and when, as facts.
pub(crate) fn from(report: Report, signed: &Signed, sender: &str) -> Result<Report, Failure> {
    let says = signed.says();
    let mut report = report.fact("from", format!("{}, {}", who(sender, &says.sender.name), says.created.for_people()));
    for other in signed.signers.iter().skip(1) {
        let how = how(other);
        report = report.fact(
            "signed",
            match &other.known_as {
                Some(name) => format!("also by {name}{how}"),
                None => format!("also by {} (not known here; {}){how}", other.fingerprint, words(&other.key)?),
            },
        );
    }
    Ok(report)
}

/// What a signature shows besides its key: the touch of a security key, and a certificate.
pub(crate) fn how(signer: &SignedBy) -> String {
    let touch = match signer.presence {
        Some(presence) if presence.verified => "; security key, touched, PIN or finger",
        Some(_) => "; security key, touched",
        None => "",
    };
    let certificate = signer.certificate.as_ref();
    let certificate = certificate.map(|it| format!("; certificate `{}` by {}", it.id, it.authority.fingerprint()));
    format!("{touch}{}", certificate.unwrap_or_default())
}

/// The same for `--json`.
pub(crate) fn how_json(signer: &SignedBy) -> Value {
    let presence = signer.presence.map(|presence| {
        json!({ "touched": presence.touched, "user_verified": presence.verified, "counter": presence.counter })
    });
    let certificate = signer.certificate.as_ref().map(|it| {
        let until = (it.valid_before != u64::MAX).then_some(it.valid_before);
        json!({ "id": it.id, "serial": it.serial, "authority": it.authority.fingerprint(),
            "principals": it.principals, "valid_after": it.valid_after, "valid_before": until })
    });
    json!({ "fingerprint": signer.fingerprint, "known_as": signer.known_as, "security_key": presence,
        "certificate": certificate })
}

/// The name on record, with the name the sender gives itself when that differs.
pub(crate) fn who(known_as: &str, claims: &str) -> String {
    if known_as.eq_ignore_ascii_case(claims) { claims.to_owned() } else { format!("{known_as} (\"{claims}\")") }
}

/// The check words of a key, in a row.
pub(crate) fn words(key: &PublicKey) -> Result<String, Failure> {
    Ok(check_words(key)?.join(" "))
}

/// A number with commas.
pub(crate) fn number(n: u64) -> String {
    let mut digits = n.to_string();
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    digits
}

/// A count with its noun.
pub(crate) fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}
