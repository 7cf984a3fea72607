//! The arguments of each command. Their doc comments are the manual.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::agreement_args::{PartnerAgree, PartnerResume, PartnerSuspend};
use consign::files::Glob;

use crate::accepting::Accepting;

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
    ///
    /// A passphrase that you type also opens them later without typing, if the system has a keyring: it keeps a random
    /// secret that unlocks the passphrase, never the keys or the passphrase itself. A passphrase that CONSIGN_PASSPHRASE_*
    /// gives is not kept there. It is taken exactly as it is, with its spaces and accents; an accent can be typed in
    /// more than one way, and another way is another passphrase.
    New(KeyNew),
    /// List your keys
    List(KeyList),
    /// Show your keys, your card and its check words
    Show(KeyShow),
    /// Make new keys in place of yours, and a new card that the old key signs
    ///
    /// Partners take the new card without another call: consign partner add NEW.card. The old encryption keys stay, and
    /// open what was locked to them; the old signing key signs the new card and is gone.
    Rotate(KeyRotate),
    /// Give your card another end, with the same keys
    Renew(KeyRenew),
    /// Put a key of another machine of your firm on your card: a laptop, a backup, a build server
    ///
    /// The other machine makes its keys by `consign key new --for FIRM.card` and sends its card, of which the keys are
    /// taken; then give it your new card: consign key join FIRM.card. Of an age or SSH recipient only the encryption
    /// key is added. Bundles for you are locked to all keys on your card from then on.
    Add(KeyAdd),
    /// Take a key off your card
    Remove(KeyRemove),
    /// Take over your firm's card, which lists the keys of this machine
    Join(KeyJoin),
    /// Change the passphrase of your keys, or whether the keyring unlocks them
    ///
    /// The present passphrase comes from CONSIGN_PASSPHRASE_*, else from the keyring, else you type it. All key files
    /// change together, or none does. Copies that were made before keep the old passphrase.
    Passphrase(KeyPassphrase),
    /// Make a copy of your keys, locked by a passphrase: a file, or a page to print
    ///
    /// This machine may be lost, and your keys with it. The copy holds all that is needed to put them back on another one
    /// with `key import`: a file that stock age opens too, or with --paper a page with lines to type and a code to scan.
    /// Its passphrase may be the one of your keys or another one; without it the copy is worth nothing, so keep it
    /// somewhere else. The ledger notes that there is a copy, not where.
    Export(KeyExport),
    /// Put your keys back from a copy, or take keys that you have already
    ///
    /// In a home without keys, a copy that `key export` made puts everything back. From a paper it makes your next card,
    /// which partners take without a call; or it takes the newest one that somebody still has (--card).
    ///
    /// Age identity files and OpenSSH private keys can be imported as well. In a home without keys the first SSH key
    /// becomes the one that signs, and what is lacking is made. In a home with keys they are further keys, which open
    /// bundles from then on. Nothing is overwritten, and the files that you give stay as they are.
    Import(KeyImport),
}

/// Make an encryption key and a signing key.
#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// The name of your firm, as partners will see it, and how to reach it
    #[arg(long, value_name = "\"FIRM <MAIL>\"", conflicts_with = "firm")]
    pub(crate) name: Option<String>,
    /// Make the keys of one more machine of this firm, whose card this is
    #[arg(long = "for", value_name = "CARD")]
    pub(crate) firm: Option<PathBuf>,
    /// What partners see this machine's keys called, such as laptop or build server
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// When the card ends: a date, a time or a span (2028-12-31, 24mo)
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// Leave the keyring alone: the passphrase is typed each time
    #[arg(long)]
    pub(crate) no_keyring: bool,
    /// For a machine: ask nothing, use no keyring; the passphrase comes from CONSIGN_PASSPHRASE_*, or --passphrase-file
    #[arg(long)]
    pub(crate) ci: bool,
    /// With --ci: make a random passphrase and write it to this new file
    #[arg(long, value_name = "FILE", requires = "ci")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Make new keys in place of yours.
#[derive(Debug, Args)]
pub(crate) struct KeyRotate {
    #[command(flatten)]
    pub(crate) ends: CardEnds,
}

/// Give your card another end.
#[derive(Debug, Args)]
pub(crate) struct KeyRenew {
    #[command(flatten)]
    pub(crate) ends: CardEnds,
}

/// When the new card ends; after the same span as the card before, if nothing is said.
#[derive(Debug, Args)]
pub(crate) struct CardEnds {
    /// When the new card ends: a date, a time or a span; else after the same span as the old one
    #[arg(long, value_name = "WHEN", conflicts_with = "no_end")]
    pub(crate) expires: Option<String>,
    /// The new card has no end
    #[arg(long)]
    pub(crate) no_end: bool,
}

/// Put a key on your card.
#[derive(Debug, Args)]
pub(crate) struct KeyAdd {
    /// The card of the other machine, or a recipient: age1… or an SSH public key
    #[arg(value_name = "CARD|RECIPIENT")]
    pub(crate) key: String,
    /// What partners see it called
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
}

/// Take a key off your card.
#[derive(Debug, Args)]
pub(crate) struct KeyRemove {
    /// Its label, its recipient string or its fingerprint
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// Take over your firm's card.
#[derive(Debug, Args)]
pub(crate) struct KeyJoin {
    /// The firm's card
    #[arg(value_name = "CARD")]
    pub(crate) card: PathBuf,
}

/// Change the passphrase of your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyPassphrase {
    /// Let the keyring unlock your keys from now on; the passphrase stays
    #[arg(long, conflicts_with_all = ["forget", "new_passphrase_file", "new_passphrase_fd", "new_passphrase_command"])]
    pub(crate) keep: bool,
    /// Let the keyring unlock them no longer; the passphrase stays
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd", "new_passphrase_command"])]
    pub(crate) forget: bool,
    /// A file that holds the new passphrase; else you type it, twice
    #[arg(long, value_name = "FILE", conflicts_with_all = ["new_passphrase_fd", "new_passphrase_command"])]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// The number of an open descriptor to read the new passphrase from
    #[arg(long, value_name = "N", conflicts_with = "new_passphrase_command")]
    pub(crate) new_passphrase_fd: Option<String>,
    /// A command that prints the new passphrase
    #[arg(long, value_name = "COMMAND")]
    pub(crate) new_passphrase_command: Option<String>,
}

/// List your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyList {}

/// Show your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyShow {}

/// Make a copy of your keys.
#[derive(Debug, Args)]
pub(crate) struct KeyExport {
    /// Where the copy goes; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A page to print instead: HTML, or text if FILE ends in .txt
    #[arg(long)]
    pub(crate) paper: bool,
    /// Take the passphrase of the copy from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) copy_passphrase_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Put your keys back, or take others.
#[derive(Debug, Args)]
pub(crate) struct KeyImport {
    /// Copies, age identity files, SSH private keys, or the typed lines of a paper; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Type the lines of a paper copy here, each checked at once
    #[arg(long, conflicts_with = "files")]
    pub(crate) paper: bool,
    /// With a paper: the newest card of yours that somebody still has, instead of making the next one
    #[arg(long, value_name = "CARD")]
    pub(crate) card: Option<PathBuf>,
    /// Take the passphrase of the copy from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) copy_passphrase_file: Option<PathBuf>,
    /// The name of your firm, when its first keys are made of these
    #[arg(long, value_name = "\"FIRM <MAIL>\"")]
    pub(crate) name: Option<String>,
    /// What to call the imported keys
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Take the keys of another firm's copy as further keys of yours
    #[arg(long)]
    pub(crate) add: bool,
}

/// Check what is set up and what is missing.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

/// Write your public card.
#[derive(Debug, Args)]
pub(crate) struct Card {
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// An earlier card, for a partner who missed some
    #[arg(long, value_name = "N")]
    pub(crate) number: Option<u64>,
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
    ///
    /// Somebody without a card goes on record by SSH keys: --ssh-keys takes a file of public keys, as code hosts publish
    /// them (`https://HOST/USER.keys`, saved to a file), --signers a list as in allowed_signers of ssh-keygen(1). Anybody
    /// can publish a key, so each key's fingerprint is compared: only those given by --fingerprint or --words, or
    /// confirmed at the terminal, go on record. Lines that can't be used are listed with the reason. A card can take the
    /// place of the keys later, if one of them signed it.
    Add(PartnerAdd),
    /// List the partners on record
    List(PartnerList),
    /// Show one partner
    Show(PartnerShow),
    /// Put an agreement with a partner, or other evidence on it, on record
    ///
    /// In a workspace nothing leaves for a partner without the evidence that project.toml demands: an NDA in force, unless
    /// it says otherwise. It is on record by the hash of the document and its days, in .consign/partners/PARTNER.toml;
    /// without a workspace, in your home, where nothing is demanded. The document itself is not copied.
    ///
    /// Of each kind the newest counts: from its first day on it takes the place of the one before, also when that one
    /// would last longer. What is recorded by mistake is taken back by --withdraw, and what it superseded counts again.
    Agree(PartnerAgree),
    /// Send nothing more to a partner until it is resumed
    ///
    /// Run in a workspace it holds for everybody who packs there; elsewhere, for everything that is packed with this home.
    Suspend(PartnerSuspend),
    /// End the suspension of a partner
    Resume(PartnerResume),
    /// Take a partner off the record; the ledger keeps what was exchanged
    Remove(PartnerRemove),
    /// Write the list of who may sign that `ssh-keygen -Y verify` reads (allowed_signers)
    ///
    /// Each partner has its name here as principal, with the end of its card as valid-before; your own firm is `you`. An
    /// authority keeps its own principals, since it speaks for those whom its certificates name. ssh-keygen then accepts
    /// the signers that this program accepts:
    ///
    /// `ssh-keygen -Y verify -f FILE -I acme -n consign-bundle-v1 -s envelope.json.sig < envelope.json`
    ///
    /// It judges by now; for the time that the bundle names, add -Overify-time=YYYYMMDDHHMMSSZ.
    Export(PartnerExport),
}

/// Put a partner's card on record.
#[derive(Debug, Args)]
pub(crate) struct PartnerAdd {
    /// The card, or a bundle that has its sender's card inside; `-` is standard input
    #[arg(value_name = "CARD|BUNDLE", required_unless_present_any = ["ssh_keys", "signers"])]
    pub(crate) file: Option<PathBuf>,
    /// SSH public keys instead of a card, one a line, to lock to and to sign; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "signers"])]
    pub(crate) ssh_keys: Option<PathBuf>,
    /// A list as in allowed_signers instead of a card, to sign only; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) signers: Option<PathBuf>,
    /// Of that list, only the lines for this name (repeatable)
    #[arg(id = "principals", long = "principal", value_name = "NAME", requires = "signers")]
    pub(crate) principals: Vec<String>,
    /// Name the partner so, instead of by the first word of its own name, or by the file
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) alias: Option<String>,
    /// The six words that you heard; they must match (repeatable, for several SSH keys)
    #[arg(long, value_name = "SIX WORDS", conflicts_with = "unchecked")]
    pub(crate) words: Vec<String>,
    /// The fingerprint of a signing key, SHA256:…, that you got by another way; it must match (repeatable)
    #[arg(id = "fingerprints", long = "fingerprint", value_name = "SHA256:…", conflicts_with = "unchecked")]
    pub(crate) fingerprints: Vec<String>,
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

/// Write the list of who may sign.
#[derive(Debug, Args)]
pub(crate) struct PartnerExport {
    /// Only these partners
    #[arg(value_name = "PARTNER")]
    pub(crate) names: Vec<String>,
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Pack a folder or a git revision into a bundle.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The folder, or the git repository for --rev
    pub(crate) path: PathBuf,
    /// Lock it to this partner; with :SCOPE it gets only what that scope lets out (repeatable)
    ///
    /// Partners with different scopes share one bundle, in which each opens, and even lists, only its own part.
    #[arg(long, value_name = "PARTNER[:SCOPE]")]
    pub(crate) to: Vec<String>,
    /// Send what this scope of the workspace lets out, and nothing else
    #[arg(long, value_name = "SCOPE", conflicts_with = "all")]
    pub(crate) scope: Option<String>,
    /// Lock it to this key too: age1… or an ssh-ed25519 or ssh-rsa public key (repeatable)
    #[arg(short = 'r', long = "recipient", value_name = "RECIPIENT")]
    pub(crate) recipients: Vec<String>,
    /// Lock it to the keys in this file too, one a line (repeatable)
    ///
    /// SSH keys in it that can't be locked to (ECDSA, hardware keys, certificates) are named and passed over.
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
    /// The terms that the receiver agrees to, a text file; in a workspace, instead of the project's
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
    #[command(flatten)]
    pub(crate) identities: Identities,
    /// Sign with this key instead of your own (repeatable: everybody named signs, the first is the sender)
    ///
    /// An OpenSSH private key; a public key (id.pub) or a fingerprint (SHA256:...) of a key in the running ssh-agent; a
    /// certificate (id-cert.pub) of a key in the agent or beside it; `own`, which is yours. A security key needs to be
    /// in the agent, or ssh-keygen asks it.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign_with: Vec<OsString>,
    /// Let nobody open it before this colleague has signed it too: a name on record, a card, an SSH public key (repeatable)
    ///
    /// Writes NAME.consign.waiting and NAME.sign-request instead of a bundle. The request is for the colleague, who types
    /// `consign sign`; with what comes back, `consign finish` makes the bundle.
    #[arg(long = "await", value_name = "WHO")]
    pub(crate) awaits: Vec<String>,
    /// Compression level
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: i32,
    /// Send the whole folder, without a scope; that is the default outside a workspace
    #[arg(long)]
    pub(crate) all: bool,
    /// Send it though a rule says no, this once; the reason goes on record
    ///
    /// It goes for all that agreements and scopes say no to in this run, and for recipients without a partner (-r, -R) in
    /// a workspace; the ledger keeps the reason and each rule. Secrets, and what is damaged, unsafe or not trusted, stay
    /// refused.
    #[arg(id = "override", long = "override", value_name = "WHY")]
    pub(crate) override_why: Option<String>,
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
    /// The file holds SSH public keys, or lines as in allowed_signers of ssh-keygen(1). All options of such lines are
    /// honoured. A time without Z is that of a place which the file doesn't name; the key is then valid only while it is
    /// so in every place. A line that can't be used is named, and pins nothing.
    #[arg(id = "signers", long = "signer", value_name = "CARD|FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Demand that the signer is this one: the name of a partner here, or a principal in a file of --signer (repeatable)
    #[arg(id = "principals", long = "principal", value_name = "NAME")]
    pub(crate) principals: Vec<String>,
    /// Trust no key that is in this list: public keys, one a line, or a KRL, as ssh-keygen -r takes them (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Vec<PathBuf>,
}

/// Keys instead of one's own.
#[derive(Debug, Clone, Args)]
pub(crate) struct Identities {
    /// Use this age identity file or SSH private key instead of your own (repeatable)
    ///
    /// The file is read once, as a stream, so `-i <(command)` works; `-` is standard input.
    #[arg(id = "identities", short = 'i', long = "identity", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// What opens a bundle.
#[derive(Debug, Clone, Args)]
pub(crate) struct Opening {
    #[command(flatten)]
    pub(crate) identities: Identities,
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
    pub(crate) accepting: Accepting,
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
    /// Demand what this file says: who signed, for whom, how old, under which terms
    ///
    /// A TOML file; consign.toml(5) shows all that can stand in it. What it demands of contents needs a key and --deep.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) accepting: Accepting,
    /// Leave links out, where none can be made
    #[arg(long)]
    pub(crate) no_links: bool,
    /// Unpack the whole files of a damaged bundle, and name the missing ones
    #[arg(long)]
    pub(crate) salvage: bool,
    /// Move a folder that is there aside, to a name with a date; nothing is deleted
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) opening: Opening,
}

/// Put a whole bundle together from damaged copies.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// The damaged bundle
    pub(crate) bundle: PathBuf,
    /// Other copies of it, damaged or not
    #[arg(long, value_name = "OTHER", num_args = 1..)]
    pub(crate) from: Vec<PathBuf>,
    /// Where the whole bundle goes; nothing that is there is replaced
    #[arg(short, long, value_name = "OUT")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) signers: Signers,
}

/// Sign what a colleague packed.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The request, NAME.sign-request; `-` is standard input
    pub(crate) request: PathBuf,
    /// Where the signature goes, instead of NAME.signature here
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show all of it, and sign nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Sign without a question
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Sign with this key instead of your own, named as for `consign pack`
    #[arg(long, value_name = "KEY")]
    pub(crate) sign_with: Option<OsString>,
    #[command(flatten)]
    pub(crate) identities: Identities,
    #[command(flatten)]
    pub(crate) signers: Signers,
}

/// Put signatures to a bundle.
#[derive(Debug, Args)]
pub(crate) struct Finish {
    /// The bundle that waits, NAME.consign.waiting
    pub(crate) waiting: PathBuf,
    /// The signatures that came back, NAME.signature
    #[arg(value_name = "SIGNATURE", required = true)]
    pub(crate) signatures: Vec<PathBuf>,
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
    /// Check that no entry of the ledger but the last was changed, lost, added or moved
    ///
    /// Each entry is bound to the one before it. What follows the last one cannot be told from here: neither that it
    /// was changed, nor that later ones were cut off.
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
