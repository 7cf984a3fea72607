//! `consign key import`: keys from a copy, from files, or typed from paper.

use consign::class::Class;
use consign::crypto::{Digest, Secret, check_words, digest};
use consign::exchange::held::Held;
use consign::exchange::keys;
use consign::exchange::material::{self, Found, Material};
use consign::exchange::restore::{self, Adding, Kept, Origin};
use consign::exchange::{Error, Ledger, passphrase};
use consign::files::printable;
use consign::format::card::SignedCard;
use consign::format::record::Event;
use consign::format::typed;
use consign::format::version::DOCUMENT_MAX;
use serde_json::{Value, json};

use crate::cli;
use crate::fault::Failure;
use crate::output::{Report, whisper};
use crate::prompt;
use crate::world::World;

/// What came in, each with its name.
type Sources = Vec<(String, Found)>;

/// Imports.
pub(crate) fn run(args: &cli::KeyImport, world: &World) -> Result<Report, Failure> {
    if args.files.is_empty() && !args.paper {
        return Err(Failure::usage("missing: FILE, or --paper").fix("a copy that you made: consign key import FILE"));
    }
    let found = read(args, world)?;
    let open: Vec<String> = found.iter().filter(|(_, f)| !f.was_locked).map(|(name, _)| name.clone()).collect();
    let report = match keys::own_card(&world.home)? {
        None => into_empty(args, found, world)?,
        Some(_) => into_home(args, found, world)?,
    };
    let lies = |name: &String| format!("{name} is not locked, and still lies there: lock it or remove it");
    Ok(open.iter().filter(|name| *name != "-").fold(report, |report, name| report.note(lies(name))))
}

fn read(args: &cli::KeyImport, world: &World) -> Result<Sources, Failure> {
    let source = world.copy_passphrases(args.copy_passphrase_file.as_deref());
    if args.paper {
        let typed = Secret::new(from_terminal(world)?.into_bytes());
        return Ok(vec![("the paper".to_owned(), material::read(&typed, "the paper", &*source)?)]);
    }
    let mut found = Vec::new();
    for file in &args.files {
        let name = if file.as_os_str() == "-" { "-".to_owned() } else { file.display().to_string() };
        let bytes = world.read_secret(file, material::FILE_MAX)?;
        let one = material::read(&bytes, &name, &*source).map_err(|e| Failure::from(e).at(file))?;
        found.push((name, one));
    }
    Ok(found)
}

/// The lines of a paper, asked for one by one until the last; a mistyped one is asked for again.
fn from_terminal(world: &World) -> Result<String, Failure> {
    if !world.can_ask() {
        return Err(Failure::needs_a_person("there is no terminal to type the paper on").fix("key import FILE"));
    }
    let mut lines = Vec::new();
    let mut empty = 0;
    for number in 1..=typed::LINES_MAX {
        loop {
            let answer = prompt::line(world, "", &format!("line {number:2}  "))?;
            match answer.to_ascii_lowercase().as_str() {
                // One is a slip; several are a terminal that is gone.
                "" if empty < 3 => {
                    empty += 1;
                    whisper("nothing was typed; to stop: stop\n");
                    continue;
                }
                "" => return Err(Failure::usage(format!("stopped at line {number}"))),
                "stop" => return Err(Failure::usage(format!("stopped at line {number}"))),
                _ => {}
            }
            let line = format!("{number:02}  {}", without_number(number, &answer));
            match typed::read_line(number, without_number(number, &answer)) {
                Ok(read) => {
                    lines.push(line);
                    if read.last {
                        return Ok(lines.join("\n"));
                    }
                    break;
                }
                Err(e) => whisper(&format!("{}; once more\n", printable(&e.to_string()))),
            }
        }
    }
    Err(Failure::usage("there is no last line"))
}

/// What was typed, without the line's number if somebody typed that too.
fn without_number(number: usize, text: &str) -> &str {
    let (padded, plain) = (format!("{number:02} "), format!("{number} "));
    text.strip_prefix(&padded).or_else(|| text.strip_prefix(&plain)).unwrap_or(text)
}

/// Makes a firm of what came in, in a home without keys.
fn into_empty(args: &cli::KeyImport, found: Sources, world: &World) -> Result<Report, Failure> {
    keys::ensure_none(&world.home)?;
    world.home.ensure_writable()?;
    let mut copies: Vec<Copied> = Vec::new();
    let mut others = Vec::new();
    for (name, Found { material, .. }) in found {
        match copied(&material, args, world)? {
            Some(copy) => copies.push(copy),
            None => others.push((name, material)),
        }
    }
    let (held, copy) = if copies.is_empty() {
        (of_others(args, others, world)?, None)
    } else if others.is_empty() {
        let Copied { held, form, card } = newest(copies)?;
        (held, Some((form, card)))
    } else {
        return Err(Failure::usage("a copy is put back by itself").fix("import the other keys afterwards"));
    };
    let lock = world.ways().for_a_new_key()?;
    restore::install(&world.home, &held, &lock, keys::WORK)?;
    if !world.ways().is_given() {
        // If there is no keyring, its passphrase is asked for from now on.
        let _unused = super::passphrase::keep(world, &lock);
    }
    let card = held.card.id();
    let event = match copy {
        Some((form, from)) => Event::KeyRestored { card, from, form: form.to_owned() },
        None => Event::KeyMade { card },
    };
    let entry = record(&event, world)?;
    told(&held, copy.map(|(form, _)| form), args.card.is_some(), world).map(|report| report.set("entry", entry))
}

/// A firm's keys, out of a copy.
struct Copied {
    held: Held,
    /// `file` or `paper`.
    form: &'static str,
    /// The card that the copy was made under.
    card: Digest,
}

fn copied(material: &Material, args: &cli::KeyImport, world: &World) -> Result<Option<Copied>, Failure> {
    Ok(match material {
        Material::Copy(copy) => {
            let held = Held::of_copy(copy)?;
            let card = held.card.id();
            Some(Copied { held, form: "file", card })
        }
        Material::Paper(paper) => {
            let card = args.card.as_ref().map(|file| world.read(file, DOCUMENT_MAX)).transpose()?;
            let card = card.map(|bytes| SignedCard::read(&bytes)).transpose()?;
            Some(Copied { held: Held::of_paper(paper, card, world.now)?, form: "paper", card: paper.card })
        }
        Material::Identities(_) | Material::Ssh(_) => None,
    })
}

/// Several copies of one firm are as good as the newest.
fn newest(copies: Vec<Copied>) -> Result<Copied, Failure> {
    let firsts: Vec<_> = copies.iter().map(|copy| copy.held.card.signers.first().cloned()).collect();
    if firsts.iter().any(|key| Some(key) != firsts.first()) {
        return Err(Failure::new("two-firms", Class::Usage, "these are copies of different firms"));
    }
    let newest = copies.into_iter().max_by_key(|copy| copy.held.card.card.number);
    newest.ok_or_else(|| Failure::usage("there is no copy"))
}

fn of_others(args: &cli::KeyImport, others: Vec<(String, Material)>, world: &World) -> Result<Held, Failure> {
    let name = super::key::name(args.name.as_deref(), true, world)?;
    let (name, contact) = keys::split_name(&name);
    let origin = Origin { from: "", label: args.label.as_deref(), now: world.now };
    Ok(Held::of_keys(others, &name, &contact, &origin)?)
}

fn told(held: &Held, form: Option<&str>, card_given: bool, world: &World) -> Result<Report, Failure> {
    let signer = super::key::first_signer(&held.card)?;
    let words = check_words(signer)?.join(" ");
    let card = &held.card.card;
    let report = Report::new()
        .set("home", world.home.path())
        .set("name", &card.name)
        .set("contact", &card.contact)
        .set("card", held.card.id())
        .set("number", card.number)
        .set("signer", signer.fingerprint())
        .set("words", &words)
        .set("restored", form)
        .fact("keys saved", format!("{}   locked by your passphrase", world.home.path().display()))
        .fact("firm", super::key::title(&held.card))
        .fact("check words", words);
    Ok(match form {
        Some("paper") if !card_given => report
            .fact(
                "card",
                format!("number {}, new; signed by your key, so partners take it without a call", card.number),
            )
            .next("consign card -o FILE for your partners; then a new copy: consign key export --paper -o FILE"),
        Some(_) => report.fact("card", format!("number {}, as it was; partners have to do nothing", card.number)),
        None => report
            .fact("card", format!("number {}, new", card.number))
            .fact("copy", "none yet: this machine may be lost; consign key export -o FILE")
            .next("consign card -o FILE, and send that file to your partners"),
    })
}

/// Takes further keys into a home that has some.
fn into_home(args: &cli::KeyImport, found: Sources, world: &World) -> Result<Report, Failure> {
    let source = world.passphrases();
    let mut checked = Vec::new();
    for (name, Found { material, .. }) in found {
        let copy = copied(&material, args, world)?.map(|copy| copy.held);
        if let Some(held) = copy.as_ref().filter(|_| !args.add) {
            restore::ensure_same_firm(&world.home, held).map_err(other_firm)?;
        }
        checked.push((name, material, copy));
    }
    let mut adding = Adding::begin(&world.home, &*source)?;
    for (name, material, copy) in checked {
        let origin = Origin { from: &name, label: args.label.as_deref(), now: world.now };
        match (material, copy) {
            (_, Some(held)) => take_copy(&mut adding, held, &origin)?,
            (Material::Identities(lines), _) => adding.identities(lines, &origin)?,
            (Material::Ssh(key), _) => adding.ssh(*key, &origin)?,
            (Material::Copy(_) | Material::Paper(_), None) => {}
        }
    }
    if adding.is_empty() {
        return Ok(Report::new()
            .set("imported", Vec::<Value>::new())
            .line("these keys are here already; nothing was changed"));
    }
    let lock = passphrase::right(&world.home, &source)?;
    let kept = adding.commit(&lock, keys::WORK)?;
    let keys = kept.iter().filter(|kept| !kept.known).map(|kept| digest(kept.public.as_bytes())).collect();
    let entry = record(&Event::KeyImported { keys }, world)?;
    Ok(listed(&kept).set("entry", entry))
}

/// The keys of a copy as further keys.
fn take_copy(adding: &mut Adding<'_>, held: Held, origin: &Origin<'_>) -> Result<(), Failure> {
    adding.identities(material::lines(held.identities.text()?, origin.from)?, origin)?;
    for (name, key) in held.ssh {
        adding.ssh(key, &Origin { from: &name, ..*origin })?;
    }
    Ok(adding.ssh(held.signing, &Origin { from: "signing", ..*origin })?)
}

fn other_firm(error: Error) -> Failure {
    Failure::from(error)
        .fix("to put another firm back: set CONSIGN_HOME to an empty folder")
        .fix("to open with its keys what was locked to it: --add")
}

fn listed(kept: &[Kept]) -> Report {
    let all: Vec<Value> = kept
        .iter()
        .map(|k| json!({ "public": k.public, "opens": k.opens, "file": k.file, "known": k.known }))
        .collect();
    let mut report = Report::new().set("imported", all);
    for key in kept {
        let what = match (key.known, key.opens) {
            (true, _) => "here already",
            (false, true) => "imported; opens bundles from now on",
            (false, false) => "imported; signs only, such a key opens nothing",
        };
        report = report.fact(key.file.clone(), shortened(&key.public)).fact("", what);
    }
    report.next("a new copy: consign key export -o FILE; onto your card, for partners: consign key add KEY")
}

/// Post-quantum keys are longer than a page.
fn shortened(public: &str) -> String {
    let short: String = public.chars().take(64).collect();
    if short.len() < public.len() { format!("{short}…") } else { short }
}

fn record(event: &Event, world: &World) -> Result<u64, Failure> {
    let unrecorded = |e| Failure::new("incomplete", Class::Failed, format!("the keys are here, but not recorded: {e}"));
    Ledger::open(&world.home).append(event, world.now, world.signer()?.as_ref()).map_err(unrecorded)
}
