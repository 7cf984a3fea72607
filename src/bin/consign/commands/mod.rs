//! From arguments to a command, and from its outcome to the exit code.

mod agree;
mod agreements;
mod card;
mod cat;
mod consent;
mod copy;
mod damage;
mod demo;
mod doctor;
mod dryrun;
mod export;
mod health;
mod import;
mod init;
mod inspect;
mod key;
mod keylife;
mod list;
mod log;
mod man;
mod opening;
mod pack;
mod partner;
mod passphrase;
mod repair;
mod scope;
mod sign;
mod sshkeys;
mod unpack;
mod verify;
mod workspacehealth;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use consign::class::Class;

use crate::cli::{self, Cli, KeyVerb, LogVerb, PartnerVerb, ScopeVerb, Verb};
use crate::fault::{self, Failure};
use crate::output::{self, Report};
use crate::progress::Stop;
use crate::world::{self, Voice, World};

/// The whole program.
pub(crate) fn main() -> ExitCode {
    fault::quiet_panics(world::wants_backtrace());
    let arguments = world::arguments();
    let voice = world::voice(&arguments);
    let code = catch_unwind(AssertUnwindSafe(|| match cli::parse(&arguments) {
        Ok(cli) => run(&cli, &voice),
        Err(e) => misread(&e, &arguments, &voice),
    }));
    ExitCode::from(code.unwrap_or_else(|_| output::finish(Err(fault::bug()), "", &voice)))
}

fn run(cli: &Cli, voice: &Voice) -> u8 {
    let command = cli.verb.words();
    let world = match World::new(cli, Stop::listen()) {
        Ok(world) => world,
        Err(failure) => return output::finish(Err(failure), command, voice),
    };
    let result = catch_unwind(AssertUnwindSafe(|| dispatch(&cli.verb, &world))).unwrap_or_else(|_| Err(fault::bug()));
    world.progress.clear();
    let result = result.map_err(|failure| why_really(failure, &world));
    let notes = world.notes();
    let result = match result {
        Ok(report) => Ok(notes.into_iter().fold(report, Report::note)),
        Err(failure) => {
            notes.iter().filter(|_| !world.voice.quiet && !world.voice.json).for_each(|note| output::note(note));
            Err(failure)
        }
    };
    output::finish(result, command, &world.voice)
}

/// A signal or a missing person can look like another failure further up.
fn why_really(mut failure: Failure, world: &World) -> Failure {
    if let Some(signal) = world.progress.signal() {
        failure.class = Class::Stopped(signal);
        failure.word = failure.class.word();
        failure.word.clone_into(&mut failure.message);
    } else if let (Class::WrongKey | Class::NeedsAPerson, Some((what, keyring))) = (failure.class, world.locked()) {
        let message = format!("{what} is locked, and there is no terminal to ask for its passphrase");
        let locked = Failure::new("needs-passphrase", Class::NeedsAPerson, message);
        return match keyring {
            Some(why) => locked.fact("keyring", why),
            None => locked,
        };
    }
    let programs = world.ran.named_in(&failure.message);
    failure.facts.extend(programs);
    failure
}

fn dispatch(verb: &Verb, world: &World) -> Result<Report, Failure> {
    match verb {
        Verb::Demo(args) => demo::run(args, world),
        Verb::Key(key) => match &key.verb {
            KeyVerb::New(args) => key::new(args, world),
            KeyVerb::List(args) => key::list(args, world),
            KeyVerb::Show(args) => key::show(args, world),
            KeyVerb::Rotate(args) => keylife::rotate(args, world),
            KeyVerb::Renew(args) => keylife::renew(args, world),
            KeyVerb::Add(args) => keylife::add(args, world),
            KeyVerb::Remove(args) => keylife::remove(args, world),
            KeyVerb::Join(args) => keylife::join(args, world),
            KeyVerb::Passphrase(args) => passphrase::run(args, world),
            KeyVerb::Export(args) => copy::run(args, world),
            KeyVerb::Import(args) => import::run(args, world),
        },
        Verb::Card(args) => card::run(args, world),
        Verb::Partner(partner) => match &partner.verb {
            PartnerVerb::Add(args) => partner::add(args, world),
            PartnerVerb::List(args) => partner::list(args, world),
            PartnerVerb::Show(args) => partner::show(args, world),
            PartnerVerb::Agree(args) => agreements::agree(args, world),
            PartnerVerb::Suspend(args) => agreements::suspend(args, world),
            PartnerVerb::Resume(args) => agreements::resume(args, world),
            PartnerVerb::Remove(args) => partner::remove(args, world),
            PartnerVerb::Export(args) => export::run(args, world),
        },
        Verb::Init(args) => init::run(args, world),
        Verb::Scope(scope) => match &scope.verb {
            ScopeVerb::List(args) => scope::list(args, world),
            ScopeVerb::Show(args) => scope::show(args, world),
            ScopeVerb::Explain(args) => scope::explain(args, world),
        },
        Verb::Pack(args) => pack::run(args, world),
        Verb::Inspect(args) => inspect::run(args, world),
        Verb::List(args) => list::run(args, world),
        Verb::Cat(args) => cat::run(args, world),
        Verb::Verify(args) => verify::run(args, world),
        Verb::Unpack(args) => unpack::run(args, world),
        Verb::Repair(args) => repair::run(args, world),
        Verb::Sign(args) => sign::run(args, world),
        Verb::Finish(args) => sign::finish(args, world),
        Verb::Agree(args) => agree::run(args, world),
        Verb::Log(args) => match &args.verb {
            None => log::run(args, world),
            Some(LogVerb::Verify(args)) => log::verify(args, world),
        },
        Verb::Doctor(args) => doctor::run(args, world),
        Verb::Man(args) => man::run(args, world),
    }
}

/// Help and version are no errors; everything else is told in our voice.
fn misread(error: &clap::Error, arguments: &[OsString], voice: &Voice) -> u8 {
    let rendered = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion if world::colour() => {
            output::help(&rendered.ansi().to_string())
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => output::help(&rendered.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !voice.json => {
            output::whisper(&rendered.to_string());
            Class::Usage.code()
        }
        _ => {
            let words = cli::words_in(arguments);
            output::finish(Err(misused(error, &rendered.to_string(), &words)), &words, voice)
        }
    }
}

fn misused(error: &clap::Error, text: &str, words: &str) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(ContextValue::Strings(words)) => Some(words.join(" ")),
        _ => None,
    };
    let help = format!("consign {words} --help").replace("  ", " ");
    if let Some(word) = context(ContextKind::InvalidSubcommand) {
        let failure = Failure::usage(format!("there is no command `{word}`"));
        return failure.fix(meant(&word).map(str::to_owned).or_else(|| tip(text)).unwrap_or(help));
    }
    let what = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let what = what.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let failure = match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            Failure::usage(format!("missing: {}", context(ContextKind::InvalidArg).unwrap_or(what)))
        }
        _ => Failure::usage(what),
    };
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage: "));
    let failure = match usage {
        Some(usage) => failure.fact("usage", usage),
        None => failure,
    };
    failure.fix(tip(text).unwrap_or(help))
}

/// What clap thinks was meant.
fn tip(text: &str) -> Option<String> {
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "))?;
    Some(tip.replace("subcommand", "command"))
}

/// What somebody means who types a verb of another tool.
fn meant(word: &str) -> Option<&'static str> {
    Some(match word {
        "encrypt" | "send" | "seal" | "create" | "share" => "to send: consign pack FOLDER --to PARTNER",
        "decrypt" | "open" | "extract" | "receive" | "unseal" | "x" => "to receive: consign unpack BUNDLE",
        "check" | "validate" => "to check a bundle: consign verify BUNDLE",
        "fix" | "recover" | "mend" => "to repair a damaged bundle: consign repair BUNDLE --from COPY -o OUT",
        "salvage" => "to get the whole files of a damaged bundle: consign unpack --salvage BUNDLE",
        "keygen" | "keys" | "init" => "to make your keys: consign key new",
        "backup" | "export" => "to make a copy of your keys: consign key export -o FILE",
        "restore" => "to put your keys back from a copy: consign key import FILE",
        "status" => "what is set up and what is missing: consign doctor",
        "trust" | "import" | "add" => "to put a firm on record: consign partner add CARD",
        "scopes" | "explain" => "which files a partner may get, and why: consign scope list",
        "partners" | "vendors" => "who is on record: consign partner list",
        "ls" => "the files in a bundle: consign list BUNDLE",
        "show" | "info" => "what a bundle tells without a key: consign inspect BUNDLE",
        "ledger" | "history" => "what went out and came in: consign log",
        "help" => "consign --help, or for one command: consign pack --help",
        _ => return None,
    })
}
