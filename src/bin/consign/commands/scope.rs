//! `consign scope`: which files each partner may get, and why.

use consign::bundle::select::Selection;
use consign::class::Class;
use consign::exchange::explain::{Explanation, Said, There};
use consign::exchange::scopes::{self, ScopeFile};
use consign::exchange::{Workspace, partners};
use consign::files::{Entry, LeftOut, RuledBy, Ruling};
use serde_json::{Value, json};

use super::dryrun::{examples, in_columns};
use super::opening::count;
use crate::cli::{ScopeExplain, ScopeList, ScopeShow};
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// The workspace of the folder that the user is in.
fn workspace(world: &World) -> Result<Workspace, Failure> {
    let found = Workspace::find(".".as_ref(), &world.home)?;
    let none = || consign::exchange::Error::NoWorkspace { wanted: "scopes".to_owned() };
    Ok(found.ok_or_else(none)?)
}

/// Lists the scopes.
pub(crate) fn list(_: &ScopeList, world: &World) -> Result<Report, Failure> {
    let workspace = workspace(world)?;
    let known: Vec<String> = partners::list(&world.home)?.into_iter().map(|partner| partner.name).collect();
    let all = scopes::all(&workspace)?;
    let mut report = Report::new().line(match all.len() as u64 {
        0 => format!("no scopes in {}", scopes::folder(&workspace).display()),
        many => count(many, "scope"),
    });
    let mut objects = Vec::new();
    for (name, found) in all {
        let (told, object) = match found {
            Ok(scope) => listed(&scope, &workspace, &known, world),
            Err(e) => broken(&name, e.into()),
        };
        report = report.append(told);
        objects.push(object);
    }
    if objects.iter().any(|object| object["ok"] == false) {
        report = report.outcome(Class::Failed);
    }
    Ok(report.next("consign scope show SCOPE; consign scope explain PATH").set("scopes", objects))
}

/// A scope that can't be read.
fn broken(name: &str, failure: Failure) -> (Report, Value) {
    let mut report = Report::new().fact(name, format!("[{}] {}", failure.word, failure.message));
    for (_, text) in &failure.facts {
        report = report.fact("", text);
    }
    let object = json!({ "name": name, "ok": false, "code": failure.word, "message": failure.message });
    (report, object)
}

/// A scope of the list: for whom, until when, how much, and what is odd about it.
fn listed(scope: &ScopeFile, workspace: &Workspace, known: &[String], world: &World) -> (Report, Value) {
    let selection = match scope.look(workspace, &world.home, false, &world.progress) {
        Ok(selection) => selection,
        Err(e) => return broken(scope.name(), e.into()),
    };
    let (files, size) = (selection.files(), selection.bytes());
    let odd = odd(scope, &selection, known, world);
    let amount = if files == 0 { "nothing".to_owned() } else { format!("{}, {}", count(files, "file"), bytes(size)) };
    let mut report =
        Report::new().fact(scope.name(), format!("{amount}; for {}{}", for_whom(scope), until(scope, world)));
    for text in &odd {
        report = report.fact("", text);
    }
    let rules = scope.rules();
    let object = json!({ "name": scope.name(), "ok": true, "path": scope.path, "description": scope.description(),
        "partners": rules.partners, "include": texts(scope.include()), "exclude": texts(scope.exclude()),
        "expires": rules.expires, "ended": rules.ended(world.now).is_some(), "files": files, "bytes": size, "odd": odd });
    (report, object)
}

fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

fn for_whom(scope: &ScopeFile) -> String {
    match scope.rules().partners.as_slice() {
        [] => "nobody yet".to_owned(),
        partners => partners.join(", "),
    }
}

fn until(scope: &ScopeFile, world: &World) -> String {
    match (scope.rules().expires, scope.rules().ended(world.now)) {
        (Some(end), Some(_)) => format!("; ended {}", end.date()),
        (Some(end), None) => format!("; until {}", end.date()),
        (None, _) => String::new(),
    }
}

/// What somebody may not have meant.
fn odd(scope: &ScopeFile, selection: &Selection, known: &[String], world: &World) -> Vec<String> {
    let mut odd: Vec<String> = scope.rules().partners.iter().filter(|name| !known.contains(name)).cloned().collect();
    odd.iter_mut().for_each(|name| *name = format!("{name} is no partner on record here"));
    let limits = scope.rules().holds(selection.files(), selection.bytes(), &mut consign::policy::Waiver::default());
    odd.extend(limits.err().map(|refusal| refusal.to_string()));
    let nothing = |entry: &Entry| {
        format!("{}: {} matches nothing", scope.place(entry.line), scope.words(entry.line, Some(entry)))
    };
    odd.extend(scope.unused().map(nothing));
    if let Some(ended) = scope.rules().ended(world.now) {
        odd.push(ended.to_string());
    }
    odd
}

/// Shows a scope.
pub(crate) fn show(args: &ScopeShow, world: &World) -> Result<Report, Failure> {
    let workspace = workspace(world)?;
    let scope = scopes::find(&workspace, &args.scope)?;
    let selection = scope.look(&workspace, &world.home, true, &world.progress)?;
    let rules = scope.rules();
    let mut report =
        Report::new().line(format!("scope {}", scope.name())).fact("file", scope.path.display().to_string());
    for (label, text) in [("about", scope.description()), ("purpose", scope.purpose())] {
        if !text.is_empty() {
            report = report.fact(label, text);
        }
    }
    report = report.fact("for", for_whom(&scope) + &until(&scope, world));
    for (label, entries) in [
        ("include", scope.include()),
        ("exclude", scope.exclude()),
        ("types", scope.limits().types.as_slice()),
        ("not types", scope.limits().not_types.as_slice()),
    ] {
        for (n, entry) in entries.iter().enumerate() {
            report = report.fact(if n == 0 { label } else { "" }, format!("{}   line {}", entry.text, entry.line));
        }
    }
    let sizes = [
        ("at most", rules.max_files.map(|most| count(most, "file"))),
        ("at most", rules.max_total_size.map(|most| format!("{} in all", bytes(most)))),
        ("at most", scope.limits().max_file_size.map(|(most, _)| format!("{} a file", bytes(most)))),
    ];
    for (label, text) in sizes {
        report = text.into_iter().fold(report, |report, text| report.fact(label, text));
    }
    let known: Vec<String> = partners::list(&world.home)?.into_iter().map(|partner| partner.name).collect();
    let odd = odd(&scope, &selection, &known, world);
    let (_, object) = listed(&scope, &workspace, &known, world);
    report = matching(report, &selection);
    report = odd.iter().fold(report, |report, text| report.fact("note", text));
    Ok(report.set("scope", object))
}

/// What it lets out now, folder by folder, and what it keeps in.
fn matching(mut report: Report, selection: &Selection) -> Report {
    for row in in_columns(&selection.included_by_folder()) {
        report = report.fact("in", row);
    }
    for group in selection.left_out() {
        report = report.fact("out", left_out(group));
    }
    report.set(
        "in",
        selection
            .included_by_folder()
            .into_iter()
            .map(|(folder, files, bytes)| json!({ "folder": folder, "files": files, "bytes": bytes }))
            .collect::<Vec<_>>(),
    )
}

fn left_out(group: &LeftOut) -> String {
    let folders = (group.folders > 0).then(|| count(group.folders, "folder"));
    let files = (group.files > 0).then(|| count(group.files, "file"));
    let seen = files.into_iter().chain(folders).collect::<Vec<_>>().join(", ");
    format!("{seen}: {}{}", group.reason.words(), examples(&group.examples))
}

/// Says why a path is in or out.
pub(crate) fn explain(args: &ScopeExplain, world: &World) -> Result<Report, Failure> {
    let workspace = workspace(world)?;
    let told = Explanation::of(&workspace, &args.path, world.now)?;
    let what = match told.there {
        There::File(size) => format!("a file of {}", bytes(size)),
        There::Folder => "a folder".to_owned(),
        There::Link => "a link".to_owned(),
        There::Special => "a special file, which can't be sent".to_owned(),
        There::Nothing => "not there; by its name:".to_owned(),
    };
    let path = if told.path.is_empty() { "." } else { told.path.as_str() };
    let mut report = Report::new().line(format!("{path}   {what}"));
    if told.never {
        report = report.fact("never", "consign sends no .git, no .consign and no .consignignore");
    }
    if let Some(by) = told.left_out() {
        report = report.fact("left out", by_line(by));
    }
    let out = told.never || told.left_out().is_some();
    for said in &told.scopes {
        report = report.fact(said.scope.name(), verdict(said, out));
    }
    for (name, e) in &told.broken {
        report = report.fact(name, format!("can't be read: {e}"));
    }
    if told.scopes.is_empty() && told.broken.is_empty() {
        report = report.fact("scopes", "there are none, so nothing leaves but by --all");
    }
    if !told.broken.is_empty() {
        report = report.outcome(Class::Failed);
    }
    let scopes: Vec<Value> = told.scopes.iter().map(|said| object(said, out)).collect();
    let line = |by: Option<&RuledBy>| by.map(|by| json!({ "file": by.file, "line": by.line, "text": by.text }));
    Ok(report
        .set("path", &told.path)
        .set("there", told.there != There::Nothing)
        .set("never", told.never)
        .set("left_out_by", line(told.left_out()))
        .set("scopes", scopes))
}

fn by_line(by: &RuledBy) -> String {
    format!("{}:{}: {}   of every bundle, unless --include lets it in", by.file, by.line, by.text)
}

/// In or out, for whom, and by which line.
fn verdict(said: &Said, left_out: bool) -> String {
    let why = match (said.ruling, said.ruling.line()) {
        (Ruling::OnTheWay, _) => "itself; something in it may be in".to_owned(),
        (_, None) => "no include lets it out".to_owned(),
        (_, Some(line)) => format!("{}: {}", said.scope.place(line), said.by.as_deref().unwrap_or_default()),
    };
    let ended = said.ended.as_ref().map_or_else(String::new, |ended| format!("; but {ended}"));
    let word = match said.ruling {
        Ruling::In { .. } if left_out => "in by the scope, but left out",
        Ruling::In { .. } => "in",
        _ => "out",
    };
    format!("{word}   {why}; for {}{ended}", for_whom(&said.scope))
}

fn object(said: &Said, left_out: bool) -> Value {
    let ruling = match said.ruling {
        Ruling::In { .. } => "in",
        Ruling::OnTheWay => "on-the-way",
        Ruling::Outside => "outside",
        Ruling::Excluded { .. } => "excluded",
        Ruling::OfType { .. } => "type",
        Ruling::TooLarge { .. } => "size",
    };
    let (line, words) = (said.ruling.line(), &said.by);
    json!({ "scope": said.scope.name(), "partners": said.scope.rules().partners, "ruling": ruling,
        "in": ruling == "in" && !left_out && said.ended.is_none(), "file": said.scope.path, "line": line, "by": words,
        "ended": said.ended.is_some() })
}
