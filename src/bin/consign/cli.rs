//! The command tree. Its doc comments are the manual: `--help` and the man pages are made of them; examples, exit
//! codes and variables stand in `manual.rs`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use consign::files::Glob;

pub(crate) use crate::agreement_args::*;
pub(crate) use crate::arguments::*;
use crate::manual;
pub(crate) use crate::scope_args::*;
pub(crate) use crate::workspace_args::*;

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
    /// Make a workspace: the rules that are followed before anything of a project leaves
    ///
    /// It is the folder .consign in the project, to be committed with it: the owner, the licence and the terms that travel
    /// in every bundle; scopes, which say what each partner may get; agreements and audits; and a copy of the ledger.
    /// Nothing in it is secret, nothing in it is ever run, and nothing in it decides whom you trust. It is found from any
    /// folder below, as git finds a repository.
    Init(Init),
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
    /// Show which files each partner may get, and why
    ///
    /// A scope is a file in .consign/scopes, NAME.toml: the partners it is for, `include` and `exclude` lists of patterns,
    /// and limits. Nothing leaves that no `include` names. Its patterns begin at the top of the project, a folder means
    /// everything in it, `*` stays within one name and `**` is any number of folders; an `exclude` without a slash in
    /// the middle holds at any depth, and wins. Upper and lower case differ.
    Scope(Scope),
    /// Pack a folder or a git revision into a signed bundle that only the named partners can open
    ///
    /// Every recipient is checked before a file is read. In a git work tree the files that git ignores are left out.
    /// `.consignignore` at the root, in gitignore syntax, leaves out more; then come --include and --exclude, of which
    /// the last that matches wins. `.git` and `.consign` are never sent.
    ///
    /// A bundle that goes to a file gets a cover note beside it, NAME.txt, which tells the receiver what to type. Nothing
    /// that anybody could open is written before the ledger names it.
    Pack(Box<Pack>),
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
    /// Reads the manifest and the part of the bundle that holds the file, nothing else. A pipe or a file gets every byte
    /// as it is. A terminal gets text only, with everything escaped that a terminal would obey or that could fool its
    /// reader; binary data is refused there. Terms that the sender states have to be accepted first, as by `consign unpack`.
    Cat(Cat),
    /// Check that bundles are whole and signed by somebody you trust; needs no key
    ///
    /// Without a key this proves the signature and every bit of the file. With --deep and a key every file in it is
    /// opened and hashed too, and nothing is written. Of a damaged bundle every damaged part is named; with --deep or -i
    /// also the files that lie in them.
    Verify(Verify),
    /// Verify a bundle, then unpack it into a new folder (needs a key)
    ///
    /// Nothing is decrypted before the signature holds. The folder appears at once when everything in it was checked, or
    /// not at all; nothing that was there is overwritten or merged into.
    ///
    /// The terms that the sender states are shown first, and nothing is unpacked before they are accepted: by your answer,
    /// or by --accept-terms. The full text lies beside the folder, as NAME.terms.txt, and the ledger keeps what you
    /// accepted, and how.
    ///
    /// With --salvage the whole files of a damaged bundle are unpacked: those of which every byte is as it was signed.
    /// The missing ones are named, and the exit code is 3.
    Unpack(Unpack),
    /// Put a whole bundle together from damaged copies; needs no key
    ///
    /// Each part of the bundle is taken from whichever copy has it as it was signed: a download that broke off, and
    /// another one; two damaged disks. Without another copy, headers and padding can still be made again. The result is
    /// verified before it appears; if any part is in no copy, nothing is written, and what is lost is named.
    Repair(Repair),
    /// Show what a colleague wants signed, and sign it as the second person
    ///
    /// Four eyes: `consign pack --await` makes a bundle that nobody can open before a second person, on another machine,
    /// has signed it too. What you sign is shown from the very bytes that the signature binds: who can open it, the
    /// terms, every file with its hash. You can't open the files' contents.
    Sign(Sign),
    /// Put the signatures that were awaited to a bundle, record it, and give it its name
    ///
    /// Until then it is NAME.consign.waiting, and what opens it has not left your home folder.
    Finish(Finish),
    /// Sign an agreement that a partner offers
    ///
    /// A partner that wants an agreement signed by both sends a document, NAME.agreement. It is shown from the very bytes
    /// that are signed: the kind and the name of the agreement, its days, the hash of the agreed text, and both firms.
    /// The partner must be on record here. What is written goes back to the partner, who puts it on record.
    Agree(Agree),
    /// Show what went out and what came in, or check that record
    ///
    /// The ledger is the record of what went out and what came in. Each entry is bound to the one before, so that none
    /// can be changed, lost, added or moved without a trace. The newest comes last.
    Log(Log),
    /// Check what is set up and what is missing, with the next step for each
    ///
    /// Nothing is changed and nothing is unlocked. The exit code is 1 if something would keep you from sending or
    /// receiving.
    Doctor(Doctor),
    /// Write the man pages into a folder
    ///
    /// A page for the program and one for each command, as `--help` has them.
    Man(Man),
}

impl Verb {
    /// The words that name the command, as the user types them.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Verb::Demo(_) => "demo",
            Verb::Init(_) => "init",
            Verb::Key(Key { verb: KeyVerb::New(_) }) => "key new",
            Verb::Key(Key { verb: KeyVerb::List(_) }) => "key list",
            Verb::Key(Key { verb: KeyVerb::Show(_) }) => "key show",
            Verb::Key(Key { verb: KeyVerb::Rotate(_) }) => "key rotate",
            Verb::Key(Key { verb: KeyVerb::Renew(_) }) => "key renew",
            Verb::Key(Key { verb: KeyVerb::Add(_) }) => "key add",
            Verb::Key(Key { verb: KeyVerb::Remove(_) }) => "key remove",
            Verb::Key(Key { verb: KeyVerb::Join(_) }) => "key join",
            Verb::Key(Key { verb: KeyVerb::Passphrase(_) }) => "key passphrase",
            Verb::Key(Key { verb: KeyVerb::Export(_) }) => "key export",
            Verb::Key(Key { verb: KeyVerb::Import(_) }) => "key import",
            Verb::Card(_) => "card",
            Verb::Partner(Partner { verb: PartnerVerb::Add(_) }) => "partner add",
            Verb::Partner(Partner { verb: PartnerVerb::List(_) }) => "partner list",
            Verb::Partner(Partner { verb: PartnerVerb::Show(_) }) => "partner show",
            Verb::Partner(Partner { verb: PartnerVerb::Agree(_) }) => "partner agree",
            Verb::Partner(Partner { verb: PartnerVerb::Suspend(_) }) => "partner suspend",
            Verb::Partner(Partner { verb: PartnerVerb::Resume(_) }) => "partner resume",
            Verb::Partner(Partner { verb: PartnerVerb::Remove(_) }) => "partner remove",
            Verb::Partner(Partner { verb: PartnerVerb::Export(_) }) => "partner export",
            Verb::Scope(Scope { verb: ScopeVerb::List(_) }) => "scope list",
            Verb::Scope(Scope { verb: ScopeVerb::Show(_) }) => "scope show",
            Verb::Scope(Scope { verb: ScopeVerb::Explain(_) }) => "scope explain",
            Verb::Pack(_) => "pack",
            Verb::Inspect(_) => "inspect",
            Verb::List(_) => "list",
            Verb::Cat(_) => "cat",
            Verb::Verify(_) => "verify",
            Verb::Unpack(_) => "unpack",
            Verb::Repair(_) => "repair",
            Verb::Sign(_) => "sign",
            Verb::Finish(_) => "finish",
            Verb::Agree(_) => "agree",
            Verb::Log(Log { verb: None, .. }) => "log",
            Verb::Log(Log { verb: Some(LogVerb::Verify(_)), .. }) => "log verify",
            Verb::Doctor(_) => "doctor",
            Verb::Man(_) => "man",
        }
    }

    /// The files of `-i`.
    pub(crate) fn identities(&self) -> &[PathBuf] {
        match self {
            Verb::Pack(args) => &args.identities.files,
            Verb::List(args) => &args.opening.identities.files,
            Verb::Cat(args) => &args.opening.identities.files,
            Verb::Verify(args) => &args.opening.identities.files,
            Verb::Unpack(args) => &args.opening.identities.files,
            Verb::Sign(args) => &args.identities.files,
            _ => &[],
        }
    }

    /// Whether the keyring may be asked at all.
    pub(crate) fn may_use_keyring(&self) -> bool {
        match self {
            Verb::Key(Key { verb: KeyVerb::New(new) }) => !new.no_keyring && !new.ci,
            _ => true,
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
            Verb::Sign(args) => dash(&args.request),
            Verb::Finish(args) => args.signatures.iter().any(dash),
            Verb::Agree(args) => dash(&args.file),
            Verb::Partner(Partner { verb: PartnerVerb::Agree(args) }) => args.signed.iter().any(dash),
            Verb::List(args) => dash(&args.bundle),
            Verb::Cat(args) => dash(&args.bundle),
            Verb::Unpack(args) => dash(&args.bundle),
            Verb::Verify(args) => args.bundles.iter().any(dash),
            Verb::Partner(Partner { verb: PartnerVerb::Add(args) }) => {
                [&args.file, &args.ssh_keys, &args.signers].into_iter().flatten().any(dash)
            }
            Verb::Key(Key { verb: KeyVerb::Import(args) }) => args.files.iter().any(dash),
            _ => false,
        }
    }
}

/// The whole tree, with the sections of the manual in it. Its name is fixed: a caller may give the process any name, and
/// help would show that raw.
pub(crate) fn command() -> clap::Command {
    manual::dress(Cli::command().version(manual::VERSION).bin_name("consign"))
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
        let cli = parsed("consign --quiet list b -i one -i two --json");
        assert_eq!(cli.verb.identities(), [PathBuf::from("one"), PathBuf::from("two")]);
        assert!(cli.global.quiet);
        assert!(cli.global.json);
    }
}
