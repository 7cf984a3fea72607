//! The command tree. Its doc comments are the manual: `--help` and the man pages are made of them; examples, exit
//! codes and variables stand in `manual.rs`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use consign::files::Glob;

use crate::manual;

/// Hand code and design files to an outside firm, and get work back
///
/// consign packs a part of a project into one compressed, encrypted, signed bundle. The receiver verifies and unpacks
/// it with its own keys; anybody can check it without a key. There is no server and no account, and nothing here
/// uses the network.
///
/// To see all of it at work, in a temporary folder: consign demo
#[derive(Debug, Parser)]
#[command(name = "consign", version, subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, max_term_width = 80, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// Open bundles with this age identity file or SSH private key, instead of your own key (repeatable)
    ///
    /// The file is read once, as a stream, so `-i <(command)` works; `-` is standard input.
    #[arg(short = 'i', long = "identity", value_name = "FILE", global = true, action = ArgAction::Append)]
    #[arg(help_heading = "Options for every command")]
    pub(crate) identities: Vec<PathBuf>,
    /// Print the result, or the error, as one JSON object
    #[arg(long, global = true, help_heading = "Options for every command")]
    pub(crate) json: bool,
    /// No progress, notes or hints
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Options for every command")]
    pub(crate) quiet: bool,
    /// Say more about errors
    #[arg(short, long, global = true, help_heading = "Options for every command")]
    pub(crate) verbose: bool,
    /// Never ask anything: what would need a person is an error (9)
    #[arg(long, global = true, help_heading = "Options for every command")]
    pub(crate) no_input: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the whole story in a temporary folder, every step checked
    ///
    /// A made-up firm sends code to made-up vendors; every step is checked, also those that must fail. No keys, partners
    /// or files of yours are touched, and nothing uses the network.
    Demo(Demo),
    /// Make your keys, or show them
    ///
    /// Your keys lie in CONSIGN_HOME, locked by a passphrase, and never leave it.
    Key(Key),
    /// Write your public card, which partners need to send to you and to trust you
    ///
    /// It holds your name, your encryption keys and your signing key, and is signed by that key. It is public. Partners
    /// compare its six check words with you on a call.
    Card(Card),
    /// Keep the other firms on record
    ///
    /// Only bundles that a partner signed, and only cards that you put on record, are trusted.
    #[command(visible_alias = "vendor")]
    Partner(Partner),
    /// Pack a folder or a git revision into a signed bundle that only the named partners can open
    ///
    /// Every recipient is checked before a file is read. In a git work tree the files that git ignores are left out.
    /// `.consignignore` at the root, in gitignore syntax, leaves out more; then come --include and --exclude, of which
    /// the last that matches wins. `.git` and `.consign` are never sent.
    ///
    /// A bundle that goes to a file gets a cover note beside it, NAME.txt, which tells the receiver what to type. Nothing
    /// that anybody could open is written before the ledger names it.
    Pack(Pack),
    /// Show what a bundle tells without a key: sender, size, time, and which known partners can open it
    ///
    /// What a bundle says of itself is marked as a claim until its signature holds and you trust its signer.
    Inspect(Inspect),
    /// List the files in a bundle (needs a key)
    ///
    /// Reads the manifest only, however large the bundle is.
    List(List),
    /// Write one file of a bundle to standard output (needs a key)
    ///
    /// Reads the manifest and the part of the bundle that holds the file, nothing else.
    Cat(Cat),
    /// Check that bundles are whole and signed by somebody you trust; needs no key
    ///
    /// Without a key this proves the signature and every bit of the file. With --deep and a key every file in it is
    /// opened and hashed too, and nothing is written.
    Verify(Verify),
    /// Verify a bundle, then unpack it into a new folder (needs a key)
    ///
    /// Nothing is decrypted before the signature holds. The folder appears at once when everything in it was checked, or
    /// not at all; nothing that was there is overwritten or merged into.
    Unpack(Unpack),
    /// Show what went out and what came in, or check that record
    ///
    /// The ledger is the record of what went out and what came in. Each entry is bound to the one before, so that none
    /// can be changed, lost, added or moved without a trace. The newest comes last.
    Log(Log),
    /// Write the man pages into a folder
    ///
    /// A page for the program and one for each command, as `--help` has them.
    Man(Man),
}

/// Show the whole story in a temporary folder, every step checked.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the folder and say where it is
    #[arg(long)]
    pub(crate) keep: bool,
    /// Spoil this step, to see that the demo notices
    #[arg(long, value_name = "STEP", hide = true)]
    pub(crate) spoil: Option<String>,
}

/// Make your keys, or show them.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Key {
    #[command(subcommand)]
    pub(crate) verb: KeyVerb,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyVerb {
    /// Make an encryption key and a signing key, locked by one passphrase
    ///
    /// They lie in CONSIGN_HOME as identity.age (an age identity file) and signing (an OpenSSH key); stock age and
    /// ssh-keygen read them. Nothing is ever overwritten. Your public card is made with them.
    New(KeyNew),
    /// List your keys
    List(KeyList),
    /// Show your keys, your card and its check words
    Show(KeyShow),
}

/// Make an encryption key and a signing key.
#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// The name of your firm, as partners will see it, and how to reach it
    #[arg(long, value_name = "\"FIRM <MAIL>\"")]
    pub(crate) name: Option<String>,
}

/// List your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyList {}

/// Show your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyShow {}

/// Write your public card.
#[derive(Debug, Args)]
pub(crate) struct Card {
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Keep the other firms on record.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Partner {
    #[command(subcommand)]
    pub(crate) verb: PartnerVerb,
}

/// What can be done with partners.
#[derive(Debug, Subcommand)]
pub(crate) enum PartnerVerb {
    /// Put a partner's card on record, after comparing its six check words on a call
    ///
    /// Call the firm on a number that you already have, and let them read their check words to you (`consign key show`
    /// prints them). Only then is it sure that the card is theirs.
    Add(PartnerAdd),
    /// List the partners on record
    List(PartnerList),
    /// Show one partner
    Show(PartnerShow),
    /// Take a partner off the record; the ledger keeps what was exchanged
    Remove(PartnerRemove),
}

/// Put a partner's card on record.
#[derive(Debug, Args)]
pub(crate) struct PartnerAdd {
    /// The card, or a bundle that has its sender's card inside; `-` is standard input
    #[arg(value_name = "CARD|BUNDLE")]
    pub(crate) file: PathBuf,
    /// Name the partner so, instead of by the first word of its own name
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) alias: Option<String>,
    /// The six words that you heard; they must match
    #[arg(long, value_name = "SIX WORDS", conflicts_with = "unchecked")]
    pub(crate) words: Option<String>,
    /// Put it on record without comparing anything; that is kept on record, and shown
    #[arg(long)]
    pub(crate) unchecked: bool,
}

/// List the partners.
#[derive(Debug, Args)]
pub(crate) struct PartnerList {}

/// Show one partner.
#[derive(Debug, Args)]
pub(crate) struct PartnerShow {
    /// Its name here
    #[arg(value_name = "PARTNER")]
    pub(crate) name: String,
}

/// Take a partner off the record.
#[derive(Debug, Args)]
pub(crate) struct PartnerRemove {
    /// Its name here
    #[arg(value_name = "PARTNER")]
    pub(crate) name: String,
}

/// Pack a folder or a git revision into a bundle.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The folder, or the git repository for --rev
    pub(crate) path: PathBuf,
    /// Lock it to this partner (repeatable)
    #[arg(long, value_name = "PARTNER")]
    pub(crate) to: Vec<String>,
    /// Lock it to this key too: age1… or an ssh-ed25519 or ssh-rsa public key (repeatable)
    #[arg(short = 'r', long = "recipient", value_name = "RECIPIENT")]
    pub(crate) recipients: Vec<String>,
    /// Lock it to the keys in this file too, one a line (repeatable)
    #[arg(short = 'R', long = "recipients-file", value_name = "FILE")]
    pub(crate) recipient_files: Vec<PathBuf>,
    /// Pack this revision of the git repository instead of the files on disk
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Let in what matches, though a rule before leaves it out (repeatable; order counts)
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Leave out what matches (repeatable; order counts)
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// --include and --exclude, in the order given.
    #[arg(skip)]
    pub(crate) rules: Vec<Glob>,
    /// Where the bundle goes; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Name the bundle so, instead of by partner and next number
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The terms that the receiver agrees to, a text file
    #[arg(long, value_name = "FILE")]
    pub(crate) terms: Option<PathBuf>,
    /// What it is for, in a few words; the receiver sees it
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    /// Honest readers refuse it after this date, time or span (2027-03-31, 90d)
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// Don't lock it to yourself too; you can't open it then
    #[arg(long)]
    pub(crate) no_self: bool,
    /// Sign with this OpenSSH private key instead of your own
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_with: Option<PathBuf>,
    /// Compression level
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: i32,
    /// The whole folder, which is the default outside a workspace
    #[arg(long)]
    pub(crate) all: bool,
    /// Send names that some systems can't hold (Windows reserves some; others differ in case only)
    #[arg(long)]
    pub(crate) allow_unportable: bool,
    /// Show what would go in and what stays out, and write nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Replace an existing output
    #[arg(long)]
    pub(crate) force: bool,
}

/// Whom to trust for one run, besides the partners on record.
#[derive(Debug, Clone, Args)]
pub(crate) struct Signers {
    /// Trust the signers on this card, or the keys in this file, for this run (repeatable)
    ///
    /// The file holds SSH public keys, or lines as in allowed_signers of ssh-keygen(1).
    #[arg(long = "signer", value_name = "CARD|FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// What opens a bundle, besides your keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct Opening {
    /// A key file for this bundle, as its sender gives out later (repeatable)
    #[arg(long = "key-file", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    /// Only this compartment, when your keys open several that differ
    #[arg(long, value_name = "N")]
    pub(crate) compartment: Option<usize>,
}

/// Show what a bundle tells without a key.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The bundle; `-` is standard input
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) signers: Signers,
}

/// List the files in a bundle.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The bundle; `-` is standard input
    pub(crate) bundle: PathBuf,
    /// Only the paths that match
    #[arg(value_name = "GLOB")]
    pub(crate) globs: Vec<String>,
    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Write one file of a bundle to standard output.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// The bundle; `-` is standard input
    pub(crate) bundle: PathBuf,
    /// The path of the file in it
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Check bundles.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The bundles; `-` is standard input
    #[arg(value_name = "BUNDLE", required = true)]
    pub(crate) bundles: Vec<PathBuf>,
    /// Open it and check every file in it (needs a key)
    #[arg(long)]
    pub(crate) deep: bool,
    /// For a bundle that holds only changes: the folder that it was made against
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Verify a bundle, then unpack it.
#[derive(Debug, Args)]
pub(crate) struct Unpack {
    /// The bundle; `-` is standard input
    pub(crate) bundle: PathBuf,
    /// The new folder, instead of one named as the bundle
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only the paths that match (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// For a bundle that holds only changes: the folder that it was made against
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Leave links out, where none can be made
    #[arg(long)]
    pub(crate) no_links: bool,
    /// Accept the sender's terms without being asked
    #[arg(long)]
    pub(crate) accept_terms: bool,
    /// Move a folder that is there aside, to a name with a date; nothing is deleted
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Show the ledger, the newest entry last.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Log {
    #[command(subcommand)]
    pub(crate) verb: Option<LogVerb>,
    /// The last N entries only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// What else can be done with the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LogVerb {
    /// Check that no entry of the ledger was changed, lost, added or moved
    Verify(LogVerify),
}

/// Check the ledger.
#[derive(Debug, Args)]
pub(crate) struct LogVerify {}

/// Write the man pages into a folder.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder; it is made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

impl Verb {
    /// The words that name the command, as the user types them.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Demo(_) => "demo",
            Verb::Key(Key { verb: KeyVerb::New(_) }) => "key new",
            Verb::Key(Key { verb: KeyVerb::List(_) }) => "key list",
            Verb::Key(Key { verb: KeyVerb::Show(_) }) => "key show",
            Verb::Card(_) => "card",
            Verb::Partner(Partner { verb: PartnerVerb::Add(_) }) => "partner add",
            Verb::Partner(Partner { verb: PartnerVerb::List(_) }) => "partner list",
            Verb::Partner(Partner { verb: PartnerVerb::Show(_) }) => "partner show",
            Verb::Partner(Partner { verb: PartnerVerb::Remove(_) }) => "partner remove",
            Verb::Pack(_) => "pack",
            Verb::Inspect(_) => "inspect",
            Verb::List(_) => "list",
            Verb::Cat(_) => "cat",
            Verb::Verify(_) => "verify",
            Verb::Unpack(_) => "unpack",
            Verb::Log(Log { verb: None, .. }) => "log",
            Verb::Log(Log { verb: Some(LogVerb::Verify(_)), .. }) => "log verify",
            Verb::Man(_) => "man",
        }
    }

    /// Whether standard output carries data that no report may be mixed into.
    pub(crate) fn stdout_is_data(&self) -> bool {
        match self {
            Verb::Cat(_) => true,
            Verb::Pack(pack) => pack.out.as_ref().is_some_and(|out| out.as_os_str() == "-") && !pack.dry_run,
            _ => false,
        }
    }

    /// Whether standard input carries a bundle or a card.
    pub(crate) fn stdin_is_data(&self) -> bool {
        let dash = |path: &PathBuf| path.as_os_str() == "-";
        match self {
            Verb::Inspect(args) => dash(&args.bundle),
            Verb::List(args) => dash(&args.bundle),
            Verb::Cat(args) => dash(&args.bundle),
            Verb::Unpack(args) => dash(&args.bundle),
            Verb::Verify(args) => args.bundles.iter().any(dash),
            Verb::Partner(Partner { verb: PartnerVerb::Add(args) }) => dash(&args.file),
            _ => false,
        }
    }
}

/// The whole tree, with the sections of the manual in it.
pub(crate) fn command() -> clap::Command {
    manual::dress(Cli::command().version(manual::VERSION))
}

/// The words of the command that arguments begin with, when they can't be read any further.
pub(crate) fn words_in(arguments: &[OsString]) -> String {
    let mut at = command();
    let mut words: Vec<String> = Vec::new();
    for word in arguments.iter().skip(1).filter_map(|a| a.to_str()) {
        if let Some(inner) = at.find_subcommand(word).cloned() {
            words.push(inner.get_name().to_owned());
            at = inner;
        }
    }
    words.join(" ")
}

/// Reads the arguments.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Verb::Pack(pack), Some(matches)) = (&mut cli.verb, matches.subcommand_matches("pack")) {
        pack.rules = rules(matches);
    }
    Ok(cli)
}

/// --include and --exclude as one list, in the order in which they were given.
fn rules(matches: &ArgMatches) -> Vec<Glob> {
    let of = |id: &str, make: fn(String) -> Glob| -> Vec<(usize, Glob)> {
        let places = matches.indices_of(id).into_iter().flatten();
        let globs = matches.get_many::<String>(id).into_iter().flatten().cloned().map(make);
        places.zip(globs).collect()
    };
    let mut all = of("include", Glob::Include);
    all.extend(of("exclude", Glob::Exclude));
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, glob)| glob).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Cli {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&words).unwrap()
    }

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn includes_and_excludes_keep_their_order() {
        let cli = parsed("consign pack . --exclude a --include b --to x --exclude c");
        let Verb::Pack(pack) = cli.verb else { unreachable!() };
        let (a, b, c) = (Glob::Exclude("a".into()), Glob::Include("b".into()), Glob::Exclude("c".into()));
        assert_eq!(pack.rules, [a, b, c]);
    }

    #[test]
    fn global_flags_stand_before_or_after_the_verb() {
        let cli = parsed("consign -i one list b -i two --json");
        assert_eq!(cli.global.identities, [PathBuf::from("one"), PathBuf::from("two")]);
        assert!(cli.global.json);
    }
}
