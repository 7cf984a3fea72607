//! `consign verify`: whole, and signed by whom; for each bundle whether the outside only or the contents were checked.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use consign::bundle::{Mended, Revealed, Signed, Trusted, Unpack};
use consign::class::Class;
use consign::crypto::Identities;
use consign::exchange;
use consign::exchange::policyfile::{self, POLICY_MAX, PolicyFile};
use consign::exchange::trust::Trust;
use consign::files::{Source, read_file};
use serde_json::{Value, json};

use super::damage::{Located, locate};
use super::opening::{count, how, how_json, reveal_with, trust, trusted};
use crate::cli::Verify;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// What the policy adds to an ok.
const AS_DEMANDED: &str = "ok means: also as the policy demands";

/// What was found out about one bundle.
struct Good {
    sender: String,
    text: String,
    fields: Value,
}

/// Checks every bundle, and fails with the worst outcome.
pub(crate) fn run(args: &Verify, world: &World) -> Result<Report, Failure> {
    let (trust, policy) = (trust(world, &args.signers)?, policy(args, world)?);
    let keys = OnceCell::new();
    let (mut report, mut results) = (Report::new(), Vec::new());
    let (mut good, mut bad) = (0_u64, 0_u64);
    for path in &args.bundles {
        let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        let checked = one(args, world, (&trust, policy.as_ref()), &keys, path);
        if world.progress.signal().is_some() {
            let stopped = || consign::files::Error::Stopped.into();
            return Err(checked.err().map_or_else(stopped, |(failure, _)| failure));
        }
        world.progress.clear();
        match checked {
            Ok(found) => {
                good += 1;
                report = report.line(format!("ok    {name}   {}; signed by {}", found.text, found.sender));
                let mut fields = found.fields;
                fields["bundle"] = json!(path);
                results.push(fields);
            }
            Err((failure, located)) => {
                bad += 1;
                report = report.line(format!("FAIL  {name}   [{}] {}", failure.word, failure.message));
                for (label, value) in &failure.facts {
                    report = report.fact(label.as_str(), value.as_str());
                }
                report = match &located {
                    Some(located) => located.tell(report, path),
                    None => failure.fix.iter().fold(report, |report, fix| report.fact("fix", fix.as_str())),
                };
                report = report.outcome(failure.class);
                let mut fields = json!({ "bundle": path, "ok": false, "code": failure.word,
                    "class": failure.class.word(), "exit": failure.class.code(), "message": failure.message,
                    "fix": failure.fix, "facts": facts(&failure), "paths": failure.paths });
                fields.as_object_mut().into_iter().for_each(|fields| fields.extend(failure.fields.clone()));
                located.iter().for_each(|located| located.fields(path, &mut fields));
                results.push(fields);
            }
        }
    }
    let depth = match (args.deep, good) {
        (false, _) => "outside only: contents need a key and --deep",
        (true, 0) => "no contents could be checked",
        (true, _) => "contents of the ok ones checked, file by file",
    };
    let total = format!("{} checked: {good} ok, {bad} failed. {depth}", good + bad);
    if good == 0 && bad == 0 {
        return Err(Failure::new("usage", Class::Usage, "no bundle was checked"));
    }
    let report = if args.policy.is_some() && good > 0 { report.line(AS_DEMANDED) } else { report };
    Ok(report.line(total).set("results", results).set("checked", good + bad).set("failed", bad).set("deep", args.deep))
}

/// The keys of this run, read once, when they are needed.
type Keys = OnceCell<Identities>;

fn open(args: &Verify, world: &World, trust: &Trust, keys: &Keys, trusted: Trusted) -> Result<Revealed, Failure> {
    let identities = match keys.get() {
        Some(identities) => identities,
        None => {
            let read = world.identities()?;
            keys.get_or_init(|| read)
        }
    };
    reveal_with(world, identities, trusted, trust, &args.opening)
}

fn facts(failure: &Failure) -> BTreeMap<String, String> {
    failure.facts.iter().cloned().collect()
}

/// One bundle: good, or what is wrong with it, with all damage that can be located.
fn one(
    args: &Verify,
    world: &World,
    (trust, policy): (&Trust, Option<&PolicyFile>),
    keys: &Keys,
    path: &Path,
) -> Result<Good, (Failure, Option<Located>)> {
    let source = world.open(path).map_err(|failure| (failure, None))?;
    check(args, world, (trust, policy), keys, source.clone()).map_err(|failure| {
        // What no key opens can be damaged all the same, and that comes first.
        let closed = matches!(failure.class, Class::WrongKey | Class::NeedsAPerson);
        let damaged = closed.then(|| outside(world, trust, source.clone()).err()).flatten();
        let failure = damaged.unwrap_or(failure);
        let mut open = |mended: Mended| open(args, world, trust, keys, mended.into_trusted());
        let has_key = args.deep || !args.opening.identities.files.is_empty();
        let located = locate(world, trust, source, &failure, if has_key { Some(&mut open) } else { None });
        (failure, located)
    })
}

fn outside(world: &World, trust: &Trust, source: Source) -> Result<(), Failure> {
    Ok(trusted(world, source, trust)?.check_all(world.workers(), &world.progress)?)
}

/// How the first signer signed, and who else did.
fn others(signed: &Signed) -> String {
    let mut text = signed.signers.first().map(how).unwrap_or_default();
    for other in signed.signers.iter().skip(1) {
        let unknown = || format!("{}, not known here", other.fingerprint);
        text.push_str(&format!("; and by {}{}", other.known_as.clone().unwrap_or_else(unknown), how(other)));
    }
    text
}

/// The policy of this run. What it demands of contents is not passed over when nothing will be opened.
fn policy(args: &Verify, world: &World) -> Result<Option<PolicyFile>, Failure> {
    let Some(path) = &args.policy else { return Ok(None) };
    let named = path.as_os_str() != "-";
    // It must be a file: nothing is waited for that stands in its place.
    let bytes = if named { read_file(path, POLICY_MAX)? } else { world.read(path, POLICY_MAX)? };
    let policy = PolicyFile::parse(&bytes, path, &world.home)?;
    if policy.demand.needs_a_key() && !args.deep {
        let message = "the policy demands what only a key shows (its [contents])";
        return Err(Failure::new("policy-needs-key", Class::Usage, message).at(path));
    }
    Ok(Some(policy))
}

/// All that a policy says of a bundle, each with its word.
fn unfit(error: exchange::Error) -> Failure {
    let misses = policyfile::misses(&error).to_vec();
    let all: Vec<Value> = misses.iter().map(|miss| json!({ "code": miss.word, "message": miss.why })).collect();
    let failure = Failure::from(error);
    let failure = misses.into_iter().skip(1).fold(failure, |failure, miss| failure.fact(miss.word, miss.why));
    failure.set("refusals", all.into())
}

fn check(
    args: &Verify,
    world: &World,
    (trust, policy): (&Trust, Option<&PolicyFile>),
    keys: &Keys,
    source: Source,
) -> Result<Good, Failure> {
    let trusted = trusted(world, source, trust)?;
    let says = trusted.signed().says();
    let sender = format!("{} {}{}", trusted.sender(), says.created.date(), others(trusted.signed()));
    let signers: Vec<Value> = trusted.signed().signers.iter().map(how_json).collect();
    let mut fields = json!({ "ok": true, "ref": trusted.signed().reference, "name": says.name, "sender": says.sender.name,
        "known_as": trusted.sender(), "created": says.created, "signers": signers, "depth": if args.deep { "contents" } else { "outside" } });
    if !args.deep {
        trusted.check_all(world.workers(), &world.progress)?;
        policy.map_or(Ok(()), |policy| policy.judge(trusted.signed(), trust, None, world.now)).map_err(unfit)?;
        return Ok(Good { sender, text: "whole".to_owned(), fields });
    }
    let revealed = open(args, world, trust, keys, trusted)?;
    let order =
        Unpack { only: None, no_links: false, links_work: true, base: args.base.as_deref(), workers: world.workers() };
    let counts = revealed.check_deep(&order, &world.progress)?;
    let judged = policy.map_or(Ok(()), |p| p.judge(revealed.trusted().signed(), trust, Some(&revealed), world.now));
    judged.map_err(unfit)?;
    fields["files"] = json!(counts.files);
    fields["refs"] = json!(counts.refs);
    fields["closed"] = json!(revealed.closed);
    let mut text = format!("whole, {} match", count(counts.files, "file"));
    if counts.refs > 0 {
        text.push_str(&format!("; {} only named, since no --base was given", count(counts.refs, "unchanged file")));
    }
    if !revealed.closed.is_empty() {
        let closed: Vec<String> = revealed.closed.iter().map(usize::to_string).collect();
        text.push_str(&format!("; compartment {} is closed to your keys", closed.join(", ")));
    }
    Ok(Good { sender, text, fields })
}
