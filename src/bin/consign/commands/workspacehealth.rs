//! What `consign doctor` says of the workspace that one stands in: whether all of its rules can be read, whom they are
//! about, and whether its copy of the ledger is up to the chain.

use std::path::Path;

use consign::exchange::dossier::Shelf;
use consign::exchange::{Ledger, Workspace, mirror, partners, scopes, standing};

use super::health::Check;
use super::opening::count;
use crate::world::World;

/// Every rule of the workspace, if there is one.
pub(super) fn checks(world: &World) -> Vec<Check> {
    match Workspace::find(Path::new("."), &world.home) {
        Ok(None) => vec![Check::ok("workspace", "none here: whole folders are packed, no agreement is checked")],
        Err(e) => vec![Check::of("workspace", e, "mend that file")],
        Ok(Some(workspace)) => {
            let project = &workspace.project;
            let licence = if project.licence.is_empty() { "no licence" } else { &project.licence };
            let mut all = vec![Check::ok(
                "workspace",
                format!("{}, of {}, {licence}", workspace.root().display(), project.owner),
            )];
            all.extend(terms(&workspace));
            all.extend(scope_checks(&workspace, world));
            all.extend(partner_checks(&workspace, world));
            all.push(copy(&workspace, world));
            all
        }
    }
}

fn terms(workspace: &Workspace) -> Option<Check> {
    let none = workspace.project.terms.text.trim().is_empty();
    none.then(|| Check::warn("terms", "no terms travel with the files", "text or file under [terms] in project.toml"))
}

/// Each scope: read, in force, and for partners that are on record.
fn scope_checks(workspace: &Workspace, world: &World) -> Vec<Check> {
    let all = match scopes::all(workspace) {
        Ok(all) => all,
        Err(e) => return vec![Check::of("scopes", e, "give that file another name")],
    };
    let known: Vec<String> = partners::list(&world.home).into_iter().flatten().map(|p| p.name).collect();
    let (mut checks, mut sound) = (Vec::new(), 0);
    for (name, scope) in all {
        let scope = match scope {
            Ok(scope) => scope,
            Err(e) => {
                checks.push(Check::of("scope", e, "mend that file"));
                continue;
            }
        };
        let rules = scope.rules();
        if let Some(ended) = rules.ended(world.now) {
            checks.push(Check::warn("scope", ended.to_string(), "another `expires`, or remove the file"));
        }
        let strangers: Vec<&str> =
            rules.partners.iter().map(String::as_str).filter(|p| !known.iter().any(|k| k == p)).collect();
        if !strangers.is_empty() {
            let text = format!("scope `{name}` is for {}, not on record here", strangers.join(", "));
            checks.push(Check::warn("scope", text, "consign partner add CARD"));
        }
        sound += 1;
    }
    if sound > 0 {
        checks.insert(0, Check::ok("scopes", format!("{} can be read", count(sound, "scope"))));
    } else if checks.is_empty() {
        checks.push(Check::warn("scopes", "there is none", "write one: .consign/scopes/README.md shows how"));
    }
    checks
}

/// Each partner's file: read, about the firm that is known here, and what of it is missing, ends soon or can't be
/// relied on.
fn partner_checks(workspace: &Workspace, world: &World) -> Vec<Check> {
    let shelf = Shelf::of(&world.home, Some(workspace));
    let names = match shelf.names() {
        Ok(names) => names,
        Err(e) => return vec![Check::of("agreements", e, "mend that folder")],
    };
    let known: Vec<String> = partners::list(&world.home).into_iter().flatten().map(|p| p.name).collect();
    let mut checks = Vec::new();
    for name in &names {
        if !known.contains(name) {
            match shelf.read(name) {
                Ok(_) => checks.push(Check::warn(
                    "agreements",
                    format!("{name} is not on record here"),
                    "consign partner add .consign/partners/NAME.card",
                )),
                Err(e) => checks.push(Check::of("agreements", e, "mend that file")),
            }
            continue;
        }
        match standing::stand(&world.home, Some(workspace), name, world.now) {
            Err(e) => checks.push(Check::of("agreements", e, "mend that file")),
            Ok(standing) => {
                let next = format!("consign partner show {name}");
                let lapsed = standing.outcome.as_ref().err().map(ToString::to_string);
                let soon = standing.outcome.iter().flat_map(|proof| proof.warnings()).map(ToString::to_string);
                let told = lapsed.into_iter().chain(soon).chain(standing.doubts.iter().cloned());
                checks.extend(told.map(|text| Check::warn("agreements", text, &next)));
            }
        }
    }
    if checks.is_empty() && !names.is_empty() {
        checks.push(Check::ok("agreements", format!("in force for {}", names.join(", "))));
    }
    checks
}

fn copy(workspace: &Workspace, world: &World) -> Check {
    match mirror::is_up(&Ledger::open(&world.home), workspace) {
        Ok(true) => Check::ok("ledger copy", "the workspace's copy of your ledger is up to it"),
        Ok(false) => Check::warn(
            "ledger copy",
            "the workspace's copy of your ledger is behind",
            "the next thing that is recorded here brings it up",
        ),
        Err(e) => Check::of("ledger copy", e, "keep that file, and look into it"),
    }
}
