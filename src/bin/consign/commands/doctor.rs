//! `consign doctor`: what is set up and what is missing, one line for each with the next step. It changes nothing,
//! unlocks nothing, and shows no secret.

use std::path::Path;

use consign::class::{Class, Fault};
use consign::exchange::config::Config;
use consign::exchange::keys::{self, KeySummary};
use consign::exchange::partners::{self, Checked};
use consign::exchange::{Ledger, copies, plugins, unlock};
use consign::files;
use consign::format::card::SignedCard;
use consign::format::time::Time;
use serde_json::json;

use super::health::{Check, State};
use super::keylife;
use super::opening::count;
use super::workspacehealth;
use crate::cli;
use crate::fault::Failure;
use crate::keyring::{NAME, Silence};
use crate::manual::VERSION;
use crate::output::Report;
use crate::world::{self, World};

/// Less room than this is worth a warning, in bytes.
const ROOM: u64 = 512 << 20;
/// A clock before this was never set: 2026-01-01.
const EPOCH: i64 = 1_767_225_600;

/// Looks at everything.
pub(crate) fn run(_: &cli::Doctor, world: &World) -> Result<Report, Failure> {
    let mut checks = vec![Check::ok("version", format!("consign {VERSION}")), clock(world)];
    checks.extend(home(world));
    match keys::own_card(&world.home) {
        Err(e) => checks.push(Check::of("card", e, "put own.card back from a copy of your keys")),
        Ok(None) => checks.push(no_keys(world)),
        Ok(Some(card)) => {
            checks.extend(key_files(world, &card));
            checks.push(copy(world));
            checks.extend(card_checks(&card, world.now));
            checks.push(keyring(world));
        }
    }
    checks.extend(partner_checks(world));
    checks.push(ledger(world));
    checks.extend(workspacehealth::checks(world));
    checks.extend(plugin_checks(world));
    checks.extend([agent(), tools(world)]);
    Ok(told(&checks))
}

fn told(checks: &[Check]) -> Report {
    let mut report = Report::new();
    for check in checks {
        report = report.fact(format!("{:4}  {}", check.state.word(), check.what), check.text.clone());
        if let Some(next) = &check.next {
            report = report.fact("", next.clone());
        }
    }
    let all: Vec<_> = checks
        .iter()
        .map(|c| json!({ "check": c.what, "state": c.state.word(), "text": c.text, "next": c.next }))
        .collect();
    let of = |state| checks.iter().filter(|c| c.state == state).count();
    let (fails, warnings) = (of(State::Fail), of(State::Warn));
    report = report.set("checks", all).set("failed", fails).set("warned", warnings);
    if fails > 0 { report.outcome(Class::Failed) } else { report }
}

fn clock(world: &World) -> Check {
    let now = world.now.for_people();
    if world.now.unix() < EPOCH {
        return Check::warn("clock", format!("{now}, which is long past"), "set the clock of this machine");
    }
    let last = Ledger::open(&world.home).lines().ok().and_then(|lines| lines.filter_map(Result::ok).last());
    match last.filter(|line| line.at > world.now) {
        Some(line) => Check::warn(
            "clock",
            format!("{now}, but the last entry of your ledger is of {}", line.at.for_people()),
            "see whether the clock of this machine is right",
        ),
        None => Check::ok("clock", now),
    }
}

fn home(world: &World) -> Vec<Check> {
    let path = world.home.path();
    let shown = path.display();
    if !path.is_dir() {
        return vec![Check::warn("home", format!("{shown} is not there yet"), "consign key new makes it")];
    }
    let mut checks = vec![match (open_to_others(path), world.home.ensure_writable()) {
        (_, Err(e)) => Check::of("home", e, "make it writable, or set CONSIGN_HOME"),
        (true, Ok(())) => Check::warn("home", format!("{shown} is open to other users"), &format!("chmod 700 {shown}")),
        (false, Ok(())) => Check::ok("home", format!("{shown}, writable, for you only")),
    }];
    if let Some(free) = files::free_room(path) {
        let text = format!("{} MiB free", super::opening::number(free >> 20));
        checks.push(if free < ROOM {
            Check::warn("room", text, "make room: a bundle needs as much as its files")
        } else {
            Check::ok("room", text)
        });
    }
    checks
}

/// Whether anybody but its owner may do something with it.
fn open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

fn no_keys(world: &World) -> Check {
    match keys::ensure_none(&world.home) {
        Err(e) if e.word() == "key-unfinished" => Check::of("keys", e, "consign key new"),
        _ => Check::fail("keys", "none yet", "consign key new; or from a copy: consign key import FILE"),
    }
}

fn key_files(world: &World, card: &SignedCard) -> Vec<Check> {
    let summary = match keys::summary(&world.home) {
        Ok(summary) => summary,
        Err(e) => return vec![Check::of("keys", e, "put the file back from a copy of your keys")],
    };
    let back = "put your keys back from a copy: consign key import FILE, into an empty CONSIGN_HOME";
    let home = &world.home;
    let lost: Vec<String> = [home.identity(), home.signing()]
        .iter()
        .filter(|file| !file.is_file())
        .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    if !lost.is_empty() {
        return vec![Check::fail("keys", format!("{} is not there", lost.join(" and ")), back)];
    }
    let mut checks = vec![locked(&summary)];
    let open = [home.identity(), home.signing()].into_iter().filter(|file| open_to_others(file));
    checks.extend(open.map(|file| {
        let (text, next) =
            (format!("{} is open to other users", file.display()), format!("chmod 600 {}", file.display()));
        Check::warn("keys", text, &next)
    }));
    match keys::own_public(home) {
        Err(e) => checks.push(Check::of("keys", e, back)),
        Ok(own) if own.as_ref().is_some_and(|own| card.signers.contains(own)) => {}
        Ok(_) => checks.push(Check::fail("keys", "your signing key is not on your card", "consign key list")),
    }
    checks
}

fn locked(summary: &[KeySummary]) -> Check {
    let here: Vec<&KeySummary> = summary.iter().filter(|key| key.file.is_some()).collect();
    let of = |kind| here.iter().filter(|key| key.kind == kind).count() as u64;
    let text = format!("{} to open with, {} to sign with", count(of("encryption"), "key"), of("signing"));
    if here.iter().any(|key| key.locked == Some(false)) {
        return Check::warn("keys", format!("{text}, NOT locked by a passphrase"), "consign key passphrase");
    }
    Check::ok("keys", format!("{text}, locked by a passphrase"))
}

fn copy(world: &World) -> Check {
    let next = "consign key export -o FILE, and take it off this machine; --paper for a page to print";
    match copies::last(&world.home) {
        Err(e) => Check::of("copy", e, next),
        Ok(None) => Check::warn("copy", "none was ever made: if this machine is lost, so are your keys", next),
        Ok(Some(copy)) if !copy.current => {
            Check::warn("copy", format!("{}, {}: older than your keys or your card", copy.at.date(), copy.form), next)
        }
        Ok(Some(copy)) => Check::ok("copy", format!("{}, {}", copy.at.date(), copy.form)),
    }
}

fn card_checks(card: &SignedCard, now: Time) -> Vec<Check> {
    let ends = card.card.expires;
    let renew = "consign key renew, and send the new card to your partners";
    let title = format!("number {} of {}", card.card.number, super::key::title(card));
    let end = ends.map_or_else(|| "no end".to_owned(), |end| keylife::ending(end, now));
    let ended = ends.is_some_and(|end| end <= now);
    let quantum = card.card.pq.len() as u64;
    vec![
        match keylife::soon(ends, now) {
            Some(_) if ended => Check::fail("card", format!("{title}: {end}"), renew),
            Some(_) => Check::warn("card", format!("{title}: {end}"), renew),
            None => Check::ok("card", format!("{title}, {end}")),
        },
        if quantum > 0 {
            Check::ok("quantum", format!("{} on your card", count(quantum, "post-quantum key")))
        } else {
            Check::warn(
                "quantum",
                "no post-quantum key on your card: bundles for you are classical",
                "consign key rotate",
            )
        },
    ]
}

fn keyring(world: &World) -> Check {
    let keep = "to type your passphrase less often: consign key passphrase --keep";
    let there = unlock::is_there(&world.home).unwrap_or(false);
    if !there {
        let text = if world.ways().is_given() { "not needed: a passphrase is given" } else { "not used for your keys" };
        return Check { next: (!world.ways().is_given()).then(|| keep.to_owned()), ..Check::ok("keyring", text) };
    }
    let name = unlock::name(&world.home).ok().flatten();
    match name.map_or(Err(Silence::NoEntry), |name| world.ways().keyring().get(&name)) {
        Ok(secret) if unlock::open(&world.home, &secret).is_ok() => {
            Check::ok("keyring", format!("{NAME} unlocks your keys"))
        }
        Ok(_) => Check::warn("keyring", format!("what {NAME} holds does not open your keys"), keep),
        Err(Silence::Off) => Check::ok("keyring", "not asked, as CONSIGN_NO_KEYRING says"),
        Err(silence) => {
            Check::warn("keyring", silence.to_string(), "your passphrase is asked for; or CONSIGN_PASSPHRASE_FILE")
        }
    }
}

fn partner_checks(world: &World) -> Vec<Check> {
    let all = match partners::list(&world.home) {
        Ok(all) => all,
        Err(e) => return vec![Check::of("partners", e, "consign partner list")],
    };
    if all.is_empty() {
        return vec![Check::warn("partners", "none on record", "consign partner add CARD")];
    }
    let mut checks = vec![Check::ok("partners", format!("{} on record", all.len()))];
    for partner in &all {
        if let Some(ending) = keylife::soon(partner.expires(), world.now) {
            let next = format!("ask {} for its new card, then: consign partner add CARD", partner.name);
            checks.push(Check::warn("partners", format!("the card of {}: {ending}", partner.name), &next));
        }
        if partner.checked == Checked::Unchecked {
            let text = format!("nobody compared the check words of {}", partner.name);
            checks.push(Check::warn("partners", text, "call them; then: consign partner add CARD"));
        }
    }
    checks
}

fn ledger(world: &World) -> Check {
    match Ledger::open(&world.home).verify() {
        Err(e) => Check::of("ledger", e, "consign log verify"),
        Ok(verified) => {
            Check::ok("ledger", format!("{} in order", count(verified.entries, "entry").replace("entrys", "entries")))
        }
    }
}

fn plugin_checks(world: &World) -> Vec<Check> {
    let config = match Config::of(&world.home) {
        Ok(config) => config,
        Err(e) => return vec![Check::of("config", e, "mend that line of config.toml")],
    };
    let look = |name: &String| match plugins::find(&config, name, &world.folders()) {
        Ok(_) => Check::ok("plugins", format!("age-plugin-{name} is there")),
        Err(e) => Check::warn("plugins", e.to_string(), "install it, or take it out of config.toml"),
    };
    let known: Vec<String> = partners::list(&world.home).unwrap_or_default().into_iter().map(|p| p.name).collect();
    let nobody = |name: &str| {
        let text = format!("config.toml has rules for {name}, and no partner of that name is on record");
        Check::warn("config", text, "consign partner list shows the names")
    };
    config.plugins.keys().map(look).chain(config.partners_unknown(&known).map(nobody)).collect()
}

fn agent() -> Check {
    let Some(socket) = world::agent_socket() else { return Check::ok("agent", "no ssh-agent, and none is needed") };
    #[cfg(unix)]
    let reachable = std::os::unix::net::UnixStream::connect(&socket).is_ok();
    #[cfg(not(unix))]
    let reachable = socket.exists();
    if reachable {
        return Check::ok("agent", format!("ssh-agent at {}", socket.display()));
    }
    let text = format!("SSH_AUTH_SOCK names {}, where no agent answers", socket.display());
    Check::warn("agent", text, "start it again, or unset SSH_AUTH_SOCK")
}

fn tools(world: &World) -> Check {
    let found = |name: &str| {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        world.folders().iter().any(|folder| folder.join(&file).is_file())
    };
    let (there, missing): (Vec<&str>, Vec<&str>) = ["git", "ssh-keygen"].into_iter().partition(|name| found(name));
    let list = |names: &[&str]| names.join(" and ");
    if missing.is_empty() {
        return Check::ok("tools", list(&there));
    }
    let text = format!("{} not found: git packs revisions, ssh-keygen signs with security keys", list(&missing));
    Check::warn("tools", text, "install it if you need that")
}
