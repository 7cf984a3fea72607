//! `consign key export`: a copy of the keys, as a file or as a page to print.

use std::path::Path;

use consign::class::Class;
use consign::exchange::copies;
use consign::exchange::held::Held;
use consign::exchange::{Home, Ledger};
use consign::files;
use consign::format::record::Event;
use serde_json::{Value, json};

use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::page::{self, Heading};
use crate::world::World;

/// Makes a copy.
pub(crate) fn run(args: &cli::KeyExport, world: &World) -> Result<Report, Failure> {
    let to_file = args.out.as_os_str() != "-";
    if to_file && !args.force && args.out.symlink_metadata().is_ok() {
        return Err(files::Error::Exists { path: args.out.clone() }.into());
    }
    let held = Held::unlock(&world.home, &*world.passphrases())?;
    let lock = world.copy_passphrases(args.copy_passphrase_file.as_deref()).for_a_copy()?;
    let form = if args.paper { "paper" } else { "file" };
    let mut report = Report::new().set("form", form).set("card", held.card.id());
    let bytes = if args.paper {
        let paper = copies::to_paper(&held, &lock, copies::WORK)?;
        report = report.set("lines", paper.lines.len()).set("left_out", &paper.left_out);
        report = paper.left_out.iter().fold(report, |report, what| report.note(format!("not on the paper: {what}")));
        print(&held, &paper, &args.out, world)?
    } else {
        copies::to_file(&held, &lock, copies::WORK, world.now)?
    };
    if to_file {
        write(&args.out, bytes.as_bytes(), args.force)?;
        report =
            report.set("path", &args.out).fact("copy", format!("{}   locked by its passphrase", args.out.display()));
    } else {
        report = report.set("copy", &bytes).raw(bytes.into_bytes());
    }
    let event = Event::KeyCopied { card: held.card.id(), form: form.to_owned() };
    let signer = world.signer()?;
    let unrecorded = |e| Failure::new("incomplete", Class::Failed, format!("the copy is made, but not recorded: {e}"));
    let entry = Ledger::open(&world.home).append(&event, world.now, signer.as_ref()).map_err(unrecorded)?;
    report = report.set("entry", entry);
    if to_file {
        report = report.fact("holds", holds(&held));
        report = report.next(if args.paper {
            "print it, then remove the file; keep its passphrase somewhere else"
        } else {
            "take it off this machine, and keep its passphrase somewhere else"
        });
    }
    if to_file && is_inside(&args.out, &world.home) {
        report = report.note("it lies in the folder of your keys, and would be lost with them");
    }
    Ok(report)
}

fn holds(held: &Held) -> String {
    let identities = held.identities.text().unwrap_or_default();
    let n = identities.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count() as u64;
    let ssh = held.ssh.len() as u64;
    let more = if ssh == 0 { String::new() } else { format!(", {}", super::opening::count(ssh, "SSH key")) };
    format!(
        "{}, your signing key{more}, card number {}",
        super::opening::count(n, "identity").replace("ys", "ies"),
        held.card.card.number
    )
}

/// The page.
fn print(held: &Held, paper: &copies::OnPaper, out: &Path, world: &World) -> Result<String, Failure> {
    let fingerprint = super::key::first_signer(&held.card)?.fingerprint();
    let head = Heading::of(&held.card, fingerprint.as_str(), &world.now.date());
    if out.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt")) {
        return Ok(page::text(&head, paper));
    }
    let too_much = || Failure::usage("there are too many keys for one code").fix("a text page: -o FILE.txt");
    page::html(&head, paper).ok_or_else(too_much)
}

/// For its owner only, and over another file only if that was asked for.
fn write(out: &Path, bytes: &[u8], replace: bool) -> Result<(), files::Error> {
    if replace { files::write_private_over(out, bytes) } else { files::write_private(out, bytes) }
}

fn is_inside(out: &Path, home: &Home) -> bool {
    let folder = files::folder_of(out).canonicalize();
    let home = home.path().canonicalize();
    folder.is_ok_and(|folder| home.is_ok_and(|home| folder.starts_with(home)))
}

/// What is known of the last copy, for people and for JSON.
pub(crate) fn last(world: &World) -> Result<(String, Value), Failure> {
    Ok(match copies::last(&world.home)? {
        None => ("none yet: this machine may be lost; consign key export -o FILE".to_owned(), Value::Null),
        Some(copy) => {
            let age = if copy.current { "" } else { ": older than your keys or your card" };
            let value = json!({ "at": copy.at, "form": copy.form, "current": copy.current });
            (format!("{}, {}{age}", copy.at.date(), copy.form), value)
        }
    })
}
