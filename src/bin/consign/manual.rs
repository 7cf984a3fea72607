//! The sections of the manual that no doc comment holds: examples, exit codes, variables, files. `--help` and the
//! man pages show the same text.

use clap::Command;
use consign::class::Class;

use crate::output::wrapped;

/// What `--version` says.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (bundle format 1)");

/// The exit codes, in the order of their numbers.
pub(crate) const CODES: [(Class, &str); 10] = [
    (Class::Failed, "I/O, the target exists, or a bug (a bug says so)"),
    (Class::Usage, "bad flags, or nothing matched"),
    (Class::Changed, "not a bundle, tampered with, cut short, a bad signature, a file missing, extra or different"),
    (Class::WrongKey, "no key here opens it, or its key is held back"),
    (Class::Untrusted, "signer unknown, revoked, or not valid at that time"),
    (Class::Refused, "agreement, scope, terms, expiry, key, policy or revocation says no"),
    (Class::Findings, "secrets in a drop, out-of-scope files in a return, differences"),
    (Class::Record, "the ledger is broken or forked"),
    (Class::NeedsAPerson, "passphrase, PIN or touch needed, and no terminal"),
    (Class::Unsafe, "path escape, name collision, special file, bomb, format newer than this program"),
];

const HOME: (&str, &str) = ("CONSIGN_HOME", "the folder of your keys, partners and ledger (~/.config/consign)");
const NO_INPUT: (&str, &str) = ("CONSIGN_NO_INPUT", "if set, never ask anything, as --no-input");
const IDENTITY: (&str, &str) = ("CONSIGN_IDENTITY", "an identity file, if there is no -i");
const IDENTITY_DATA: (&str, &str) = ("CONSIGN_IDENTITY_DATA", "the text of an identity file, if there is neither");
const PASS_FILE: (&str, &str) = ("CONSIGN_PASSPHRASE_FILE", "a file that holds the passphrase");
const PASS_FD: (&str, &str) = ("CONSIGN_PASSPHRASE_FD", "the number of an open descriptor to read it from");
const PASS_COMMAND: (&str, &str) = ("CONSIGN_PASSPHRASE_COMMAND", "a command that prints it");
const NO_KEYRING: (&str, &str) = ("CONSIGN_NO_KEYRING", "if set, leave the keyring of the system alone");
const EPOCH: (&str, &str) = ("SOURCE_DATE_EPOCH", "the latest time that a packed file is given, in seconds since 1970");
const NO_COLOR: (&str, &str) = ("NO_COLOR", "if set and not empty, no colour in help");

const PLAIN: &[(&str, &str)] = &[HOME, NO_INPUT, NO_COLOR];
const LOCKED: &[(&str, &str)] = &[HOME, PASS_FILE, PASS_FD, PASS_COMMAND, NO_KEYRING, NO_INPUT, NO_COLOR];
const OPENS: &[(&str, &str)] =
    &[HOME, IDENTITY, IDENTITY_DATA, PASS_FILE, PASS_FD, PASS_COMMAND, NO_KEYRING, NO_INPUT, NO_COLOR];
const PACKS: &[(&str, &str)] =
    &[HOME, IDENTITY, IDENTITY_DATA, PASS_FILE, PASS_FD, PASS_COMMAND, NO_KEYRING, EPOCH, NO_INPUT, NO_COLOR];

/// The files in `CONSIGN_HOME`.
pub(crate) const FILES: [(&str, &str); 10] = [
    ("config.toml", "what you demand of keys, and which age plugins may be run: CONFIGURATION in consign(1)"),
    ("identity.age", "your encryption key: an age identity file, locked by your passphrase"),
    ("signing", "your signing key: an OpenSSH private key, locked by the same passphrase; signing.pub beside it"),
    ("unlock.age", "your passphrase, locked by a random secret that the keyring of the system keeps"),
    ("ssh/", "SSH private keys that you imported, locked by the same passphrase"),
    ("own.card", "your public card"),
    ("partners/", "the partners on record, one file each"),
    ("ledger/", "the record of what went out and came in; never edited, only appended to"),
    ("private/", "what only you know of each bundle that you sent, locked to your own keys"),
    ("writer", "the name of this machine in the ledger"),
];

/// What can stand in `config.toml`.
pub(crate) const CONFIGURATION: [(&str, &str); 7] = [
    (
        "[plugins.NAME]",
        "age-plugin-NAME may be run. No other plugin ever is, whatever a bundle, a card or an identity file asks for",
    ),
    ("path = \"/usr/bin/age-plugin-NAME\"", "where it is; without this line it is looked for in PATH"),
    ("hardware = true", "its keys live in hardware, as require-hardware wants them (false)"),
    (
        "wait = 60",
        "for how many seconds its silence is borne when there is no terminal; on a terminal, until you stop it",
    ),
    ("[policy]", "what is demanded of everybody, and of your own keys: the two lines that follow"),
    (
        "require-hardware = true",
        "bundles are locked to hardware keys only, and signed by them only (keys sk-...), those that come in, too",
    ),
    (
        "require-post-quantum = true",
        "bundles are locked to post-quantum keys only, those that come in, too. Under [partners.NAME] each of the two \
         lines says it of one partner, and wins over [policy]; a bundle that is locked to you, too, is held to [policy] \
         for your sake: --no-self",
    ),
];

/// A page of the manual.
pub(crate) struct Page {
    /// The command; empty for the program itself.
    pub(crate) command: &'static str,
    /// Examples: what to type, and what for.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// The variables it reads.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

const fn page(
    command: &'static str,
    variables: &'static [(&'static str, &'static str)],
    examples: &'static [(&'static str, &'static str)],
) -> Page {
    Page { command, examples, variables }
}

/// All pages.
pub(crate) const PAGES: &[Page] = &[
    page(
        "",
        PACKS,
        &[
            ("consign demo", "see the whole story, in a temporary folder"),
            ("consign key new --name \"Northwind Ltd <dev@northwind.example>\"", "once per firm and machine"),
            ("consign partner add acme.card", "once per partner, on a call"),
            ("consign pack . --to acme", "send"),
            ("consign verify acme-0001.consign", "check; needs no key"),
            ("consign unpack acme-0001.consign", "receive"),
        ],
    ),
    page("demo", PLAIN, &[("consign demo", "all of it"), ("consign demo --keep", "and look at the files afterwards")]),
    page(
        "init",
        PLAIN,
        &[
            ("consign init --owner \"Northwind Ltd\"", "in the project's folder"),
            ("consign init --owner \"Northwind Ltd\" --licence MIT --terms terms.txt", "with a licence and terms"),
        ],
    ),
    page("key", PLAIN, &[("consign key new", "make your keys"), ("consign key show", "read out your check words")]),
    page(
        "key new",
        LOCKED,
        &[
            ("consign key new", "asks for the name of your firm and for a passphrase"),
            ("CONSIGN_PASSPHRASE_FILE=pass consign key new --name \"Acme Dev Oy <ops@acme.example>\"", "asks nothing"),
            ("consign key new --for acme.card --label server", "one more machine of a firm"),
            ("consign key new --ci --name \"Acme CI\" --passphrase-file secret", "for a machine: a random passphrase"),
        ],
    ),
    page("key list", PLAIN, &[("consign key list", "what there is, and whether it is locked")]),
    page("key show", PLAIN, &[("consign key show", "keys, card and check words")]),
    page(
        "key rotate",
        LOCKED,
        &[
            ("consign key rotate", "new keys, and a card that the old one speaks for"),
            ("consign key rotate --expires 24mo", "and an end for the card"),
        ],
    ),
    page("key renew", LOCKED, &[("consign key renew --expires 24mo", "another end, the same keys")]),
    page(
        "key add",
        LOCKED,
        &[
            ("consign key add server.card", "the keys of another machine of your firm"),
            ("consign key add backup.pub --label backup", "one key that only opens"),
        ],
    ),
    page("key remove", LOCKED, &[("consign key remove backup", "by its label, or by the key")]),
    page("key join", PLAIN, &[("consign key join acme.card", "your firm's card, which lists this machine")]),
    page(
        "key passphrase",
        LOCKED,
        &[
            ("consign key passphrase", "asks for a new one, twice"),
            ("consign key passphrase --keep", "let the keyring unlock your keys"),
            ("consign key passphrase --new-passphrase-file new", "asks nothing"),
        ],
    ),
    page(
        "key export",
        LOCKED,
        &[
            ("consign key export -o northwind.copy", "a file that puts everything back"),
            ("consign key export --paper -o northwind.html", "a page to print, to type or to scan"),
            ("consign key export -o copy --copy-passphrase-file pass2", "another passphrase than that of your keys"),
        ],
    ),
    page(
        "key import",
        LOCKED,
        &[
            ("consign key import northwind.copy", "on a new machine"),
            ("consign key import --paper", "the same, typed from paper"),
            ("consign key import lines.txt --card northwind.card", "with the newest card, that a partner still has"),
            (
                "consign key import ~/.ssh/id_ed25519 --name \"Acme Dev Oy <ops@acme.example>\"",
                "sign with a key you have",
            ),
            ("consign key import old.txt --label \"old laptop\"", "one more key that opens bundles"),
        ],
    ),
    page(
        "card",
        PLAIN,
        &[("consign card -o northwind.card", "a file to send to partners"), ("consign card", "to standard output")],
    ),
    page(
        "partner",
        PLAIN,
        &[("consign partner add acme.card", "put a firm on record"), ("consign partner list", "who is on record")],
    ),
    page(
        "partner add",
        PLAIN,
        &[
            ("consign partner add acme.card", "shows the check words and asks whether you heard them"),
            ("consign partner add acme-0007.consign", "takes the card that is inside the bundle"),
            (
                "consign partner add acme.card --words \"river tulip anvil seven mango drift\"",
                "asks nothing; the words must match",
            ),
            ("consign partner add acme.card --as acme-oy --unchecked", "compares nothing, and keeps that on record"),
            (
                "consign partner add --ssh-keys alice.keys --fingerprint SHA256:…",
                "somebody without a card, by the SSH key with that fingerprint",
            ),
            ("consign partner add --signers list --principal bob@acme.example --as bob", "to verify only"),
        ],
    ),
    page("partner list", PLAIN, &[("consign partner list", "names, keys, and how each card was checked")]),
    page("partner show", PLAIN, &[("consign partner show acme", "its keys, check words, agreements and audits")]),
    page(
        "partner agree",
        LOCKED,
        &[
            ("consign partner agree acme --nda nda.pdf --until 2027-03-31", "an NDA that was signed on paper"),
            ("consign partner agree acme --audit soc2.pdf --by Auditors --until 2027-06-30", "an audit of acme"),
            ("consign partner agree acme --nda nda.pdf --until 2027-03-31 --sign", "for acme to sign with its key"),
            ("consign partner agree acme --signed acme-nda-signed.agreement", "what came back"),
            ("consign partner agree acme --withdraw nda-2026-11-24 --why \"wrong date\"", "a mistake"),
        ],
    ),
    page("partner suspend", PLAIN, &[("consign partner suspend acme --why \"late payment\"", "nothing more to acme")]),
    page("partner resume", PLAIN, &[("consign partner resume acme", "as before")]),
    page("partner remove", PLAIN, &[("consign partner remove acme", "no more bundles to or from acme")]),
    page("partner export", PLAIN, &[("consign partner export -o allowed_signers", "for ssh-keygen -Y verify")]),
    page(
        "scope",
        PLAIN,
        &[
            ("consign scope list", "what each partner may get"),
            ("consign scope explain services/api/dev.pem", "why it is in or out"),
        ],
    ),
    page("scope list", PLAIN, &[("consign scope list", "each scope, and how much it lets out now")]),
    page("scope show", PLAIN, &[("consign scope show api", "its lines, and the files, folder by folder")]),
    page(
        "scope explain",
        PLAIN,
        &[
            ("consign scope explain services/api/dev.pem", "for each scope: in or out, and by which line"),
            ("consign scope explain new/file.rs --json", "for a machine, and for a file that is not there yet"),
        ],
    ),
    page(
        "check",
        PLAIN,
        &[
            ("consign check", "all that would leave from this folder"),
            ("consign check --rev v1.4", "a revision, whatever lies on disk"),
            ("consign check --format sarif > findings.sarif", "for a machine; junit, github and json as well"),
            ("consign check src/s3.rs .env", "two files, as a hook before a commit does"),
            (
                "consign check --allow api/.env:3 --why \"sample of the manual\"",
                "a false alarm, with a reason, for good",
            ),
        ],
    ),
    page(
        "pack",
        PACKS,
        &[
            ("consign pack . --to acme --dry-run", "see exactly what would leave, and what stays here"),
            ("consign pack . --to acme", "writes acme-0001.consign and a note for the receiver"),
            ("consign pack . --to acme --rev v1.4", "the revision, not the files on disk"),
            ("consign pack src --to acme --exclude '*.pem' --terms nda.txt --expires 90d", "less, and under terms"),
            ("consign pack . --to acme --sign-with own --sign-with id_ed25519.pub", "two keys sign, one in the agent"),
            ("consign pack . --to acme --await bob.card", "nobody can open it before Bob has signed it too"),
            ("consign pack . -R vendor.pub -o - | ssh vendor 'cat > drop.consign'", "to an SSH key, into a pipe"),
        ],
    ),
    page(
        "inspect",
        PLAIN,
        &[
            ("consign inspect acme-0007.consign", "who, when, how large, for whom"),
            ("consign inspect - < x", "a stream"),
        ],
    ),
    page(
        "list",
        OPENS,
        &[("consign list acme-0007.consign", "every file"), ("consign list acme-0007.consign 'docs/**'", "some")],
    ),
    page("cat", OPENS, &[("consign cat acme-0007.consign src/main.c | less", "one file, without unpacking")]),
    page(
        "verify",
        OPENS,
        &[
            ("consign verify --policy policy.toml --signer northwind.card in/*.consign", "what CI demands; no key"),
            ("consign verify incoming/*.consign", "CI: no key needed"),
            ("consign verify --signer northwind.card acme-0007.consign", "without a home, against one card"),
            (
                "consign verify --signer allowed_signers --principal bob@acme.example x.consign",
                "signed by bob, or refused",
            ),
            ("consign verify --deep acme-0007.consign", "with a key: every file, too"),
        ],
    ),
    page(
        "unpack",
        OPENS,
        &[
            ("consign unpack acme-0007.consign", "into acme-0007/"),
            ("consign unpack acme-0007.consign -i ~/.ssh/id_ed25519 -o drop", "with an SSH key, into drop/"),
            ("consign unpack - --only 'docs/**' < acme-0007.consign", "a part, from a stream"),
            ("consign unpack --accept-terms acme-0007.consign", "asks nothing, and keeps on record that you accepted"),
            ("consign unpack --salvage acme-0007.consign", "what is whole in a damaged one"),
        ],
    ),
    page(
        "repair",
        PLAIN,
        &[
            ("consign repair acme-0007.consign --from second.consign -o whole.consign", "two downloads that broke off"),
            ("consign repair a/x.consign --from b/x.consign c/x.consign -o x.consign", "three bad disks"),
        ],
    ),
    page(
        "sign",
        OPENS,
        &[
            ("consign sign acme-0007.sign-request", "shows it, asks, and writes acme-0007.signature"),
            ("consign sign acme-0007.sign-request --dry-run", "every file, and nothing is signed"),
            ("consign sign acme-0007.sign-request --yes --sign-with id_ed25519.pub", "by a key in the ssh-agent"),
        ],
    ),
    page(
        "finish",
        PLAIN,
        &[("consign finish acme-0007.consign.waiting acme-0007.signature", "now it is acme-0007.consign")],
    ),
    page(
        "agree",
        LOCKED,
        &[
            ("consign agree acme-nda.agreement --document nda.pdf", "shows it, compares the text, asks, and signs"),
            ("consign agree acme-nda.agreement --dry-run", "only shows it"),
        ],
    ),
    page("log", PLAIN, &[("consign log --limit 20", "the last entries"), ("consign log verify", "check the chain")]),
    page("log verify", PLAIN, &[("consign log verify", "exit code 8 if an entry was changed, lost, added or moved")]),
    page("doctor", PLAIN, &[("consign doctor", "what is set up, what is missing, and what to do next")]),
    page("man", PLAIN, &[("consign man ~/.local/share/man/man1", "then: man consign")]),
];

/// The page of a command.
pub(crate) fn find(command: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}

/// Puts the sections into the help of every command.
pub(crate) fn dress(command: Command) -> Command {
    dress_as(command, "")
}

fn dress_as(mut command: Command, words: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let inner = if words.is_empty() { name.clone() } else { format!("{words} {name}") };
        command = command.mut_subcommand(name, |c| dress_as(c, &inner));
    }
    match find(words) {
        Some(page) => command.after_help(short(page)).after_long_help(long(page)),
        None => command,
    }
}

fn short(page: &Page) -> String {
    let mut text = examples(page);
    text.push_str("\nMore, with exit codes and variables: --help");
    text
}

fn long(page: &Page) -> String {
    let mut text = examples(page);
    text.push_str("\nEXIT STATUS\n");
    text.push_str(&columns("0", "ok"));
    for (class, meaning) in CODES {
        text.push_str(&columns(&class.code().to_string(), meaning));
    }
    text.push_str(&columns("129, 130, 141, 143", "stopped by a signal, or the reader of a pipe left"));
    text.push_str("\nENVIRONMENT\n");
    page.variables.iter().for_each(|(name, what)| text.push_str(&columns(name, what)));
    text.truncate(text.trim_end().len());
    text
}

fn examples(page: &Page) -> String {
    let mut text = "EXAMPLES\n".to_owned();
    for (line, what) in page.examples {
        text.push_str(&columns(line, what));
    }
    text
}

/// What and text in two columns; the text below when `what` is too long for that.
fn columns(what: &str, text: &str) -> String {
    let gap = if what.len() <= 3 { 3 } else { 26 };
    if what.len() <= gap && (gap == 3 || 2 + gap + 2 + text.len() <= 80 || !what.starts_with("consign")) {
        return wrapped(&format!("  {what:<gap$}  "), text, gap + 4);
    }
    wrapped(&format!("  {what}\n"), text, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(command: &Command, words: &str, out: &mut Vec<String>) {
        out.push(words.to_owned());
        for inner in command.get_subcommands() {
            all(inner, format!("{words} {}", inner.get_name()).trim(), out);
        }
    }

    #[test]
    fn every_command_has_a_page_and_every_page_a_command() {
        let mut commands = Vec::new();
        all(&crate::cli::command(), "", &mut commands);
        let pages: Vec<&str> = PAGES.iter().map(|p| p.command).collect();
        assert_eq!(commands, pages);
    }

    #[test]
    fn help_fits_eighty_columns() {
        for page in PAGES {
            for line in long(page).lines() {
                assert!(line.chars().count() <= 80 || line.contains("CONSIGN_PASSPHRASE_FILE=pass"), "{line}");
            }
        }
    }
}
