//! Lists of signers, judged by `ssh-keygen -Y verify` and by us: generated lines, odd spellings, certificates and their
//! authorities, lists of revoked keys. Where the two differ, docs/CONFORMANCE.md says so, with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use consign::bundle::Pins;
use consign::crypto::{PublicKey, Signature};
use consign::exchange::trust::Trust;
use consign::format::envelope::NAMESPACE;
use consign::format::revoked::Revoked;
use consign::format::time::Time;

use crate::rows_of_page;
use crate::sshsig::{self, MESSAGE, keygen, make, read, signed_by_keygen};
use crate::tools::have;

const NOW: &str = "20261123134000Z";

fn now() -> Time {
    "2026-11-23T13:40:00Z".parse().unwrap()
}

/// Who signed.
#[derive(Clone)]
struct Signer {
    armour: Vec<u8>,
    /// `type base64`.
    public: String,
}

impl Signer {
    fn of(dir: &Path, name: &str) -> Signer {
        let public = read(dir, &format!("{name}.pub"));
        let public = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Signer { armour: signed_by_keygen(dir, name, &[]), public }
    }

    /// A key that signs with a certificate which `ca` made.
    fn certified(dir: &Path, name: &str, ca: &str, options: &[&str]) -> Signer {
        let _gone = fs::remove_file(dir.join(format!("{name}-cert.pub")));
        let public = format!("{name}.pub");
        assert!(keygen(dir, &[&["-q", "-s", ca, "-I", "the id"], options, &[&public]].concat()), "{options:?}");
        let armour = signed_by_keygen(dir, &format!("{name}-cert.pub"), &[]);
        Signer { armour, ..Signer::of(dir, name) }
    }
}

/// The verdicts of `ssh-keygen` and of us over a list.
struct Judge<'a> {
    dir: &'a Path,
    principal: &'a str,
    zone: &'a str,
    revoked: Option<Vec<u8>>,
}

impl Judge<'_> {
    fn verdicts(&self, list: &[u8], signer: &Signer) -> [bool; 2] {
        [self.keygen(list, signer), self.here(list, signer)]
    }

    fn keygen(&self, list: &[u8], signer: &Signer) -> bool {
        fs::write(self.dir.join("list"), list).unwrap();
        fs::write(self.dir.join("sig"), &signer.armour).unwrap();
        fs::write(self.dir.join("signed"), MESSAGE).unwrap();
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-f", "list", "-I", self.principal, "-n", NAMESPACE, "-s", "sig"]);
        command.arg(format!("-Overify-time={NOW}")).current_dir(self.dir).env("TZ", self.zone);
        if let Some(revoked) = &self.revoked {
            fs::write(self.dir.join("revoked"), revoked).unwrap();
            command.args(["-r", "revoked"]);
        }
        let message = fs::File::open(self.dir.join("signed")).unwrap();
        command.stdin(message).stderr(Stdio::null()).stdout(Stdio::null()).status().unwrap().success()
    }

    /// As `verify --signer list --principal NAME --revoked revoked` does it.
    fn here(&self, list: &[u8], signer: &Signer) -> bool {
        let mut trust = Trust::default();
        trust.demand(&[self.principal.to_owned()]);
        if trust.add_file(list, "list").is_err() {
            return false;
        }
        if let Some(revoked) = &self.revoked {
            let Ok(revoked) = Revoked::parse(revoked) else { return false };
            trust.revoke(revoked);
        }
        let Ok(made) = Signature::verify(&signer.armour, NAMESPACE, MESSAGE, "message") else { return false };
        let who = match &made.certificate {
            Some(certificate) => trust.who_certified(certificate, now()),
            None => trust.who(&made.key, now()),
        };
        who.is_some()
    }
}

fn judge<'a>(dir: &'a Path, principal: &'a str) -> Judge<'a> {
    Judge { dir, principal, zone: "UTC", revoked: None }
}

const PRINCIPALS: [&str; 15] = [
    "acme",
    "ACME",
    "birch",
    "birch,acme",
    "a?me",
    "*",
    "ac*,!birch",
    "!acme,*",
    "*,!ac??",
    "acme,",
    "\"acme\"",
    "\"a b,acme\"",
    "*@acme.example",
    "!birch",
    "acmé,*me",
];

const NAMESPACES: [&str; 9] = [
    "",
    "namespaces=\"consign-bundle-v1\"",
    "NameSpaces=\"git,consign-bundle-v1\"",
    "namespaces=\"consign-*\"",
    "namespaces=\"consign-bundle-v?\"",
    "namespaces=\"!consign-bundle-*,*\"",
    "namespaces=\"git\"",
    "namespaces=\"\"",
    "namespaces=\"a\\\"b,*\"",
];

const WINDOWS: [&str; 14] = [
    "",
    "valid-after=\"20261123134000Z\"",
    "valid-after=\"20261123134001Z\"",
    "valid-before=\"20261123134000Z\"",
    "valid-before=\"20261123133959Z\"",
    "VALID-AFTER=\"202611231340z\",valid-before=\"20261123134001utc\"",
    "valid-after=\"202611231340Z\",valid-before=\"20261123134000Z\"",
    "valid-before=\"20270101Z\",valid-after=\"20260101Z\"",
    "valid-after=\"20261124UTC\"",
    "valid-before=\"20261123Z\"",
    "valid-after=\"20260101\",valid-before=\"20270101\"",
    "valid-before=\"20200101\"",
    "valid-after=\"20300101\"",
    "valid-before=\"19700101Z\"",
];

fn generated(keys: &[Signer]) -> Vec<(String, &Signer)> {
    let mut cases = Vec::new();
    for (k, key) in keys.iter().enumerate() {
        for (p, principals) in PRINCIPALS.iter().enumerate() {
            for (n, namespaces) in NAMESPACES.iter().enumerate() {
                for (w, window) in WINDOWS.iter().enumerate() {
                    // Every pair of two parts is met for the first key; the other keys get a part of that.
                    let sample = if k == 0 { 2 } else { 11 };
                    if (p + n + w + k) % sample != 0 {
                        continue;
                    }
                    let authority = if (p + 3 * n + w) % 7 == 6 { "cert-authority" } else { "" };
                    let options = [*namespaces, *window, authority].into_iter().filter(|o| !o.is_empty());
                    let options = options.collect::<Vec<_>>().join(",");
                    cases.push((format!("{principals} {options} {}", key.public), key));
                }
            }
        }
    }
    cases
}

#[test]
fn generated_lists_mean_here_what_they_mean_to_ssh_keygen() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let kinds = [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")];
    let mut keys: Vec<Signer> = kinds
        .iter()
        .map(|(kind, bits)| {
            let name = format!("{kind}{bits}");
            make(dir, &name, kind, bits);
            Signer::of(dir, &name)
        })
        .collect();
    keys.extend(sshsig::by_hardware().into_iter().map(|(armour, public)| Signer { armour, public }));
    let (mut accepted, mut refused) = (0, 0);
    let cases = generated(&keys);
    for (line, key) in &cases {
        let [keygen, here] = judge(dir, "acme").verdicts(format!("{line}\n").as_bytes(), key);
        assert_eq!(keygen, here, "ssh-keygen and here, whether they accept: {line}");
        if keygen { accepted += 1 } else { refused += 1 }
    }
    println!("{} lists: {accepted} accepted by both, {refused} refused by both", cases.len());
    assert!(accepted > 100 && refused > 700, "{accepted} {refused}");
}

/// A list in its bytes, and who is asked for.
struct Odd {
    name: &'static str,
    list: Vec<u8>,
    principal: &'static str,
    zone: &'static str,
}

fn odd(name: &'static str, list: impl Into<Vec<u8>>) -> Odd {
    Odd { name, list: list.into(), principal: "acme", zone: "UTC" }
}

/// Spellings of a line, and lines among others.
fn spellings(key: &str, other: &str) -> Vec<Odd> {
    let line = |name: &'static str, start: &str| odd(name, format!("{start}{key}\n"));
    let long = "x".repeat(70_000);
    vec![
        line("blanks and tabs between", " \tacme \t "),
        line("a quote in the middle of the principals", "ac\"me\" "),
        line("nothing between the quote and the key", "\"acme\""),
        line("a quote that nothing ends", "\"acme "),
        line("something after the quote", "\"acme\"x "),
        Odd { principal: "acme dev", ..line("a name with a blank", "\"acme dev\" ") },
        Odd { principal: "acme,birch", ..line("a name with a comma", "acme,birch ") },
        Odd { principal: "", ..line("nobody is asked for", "* ") },
        Odd { principal: "", ..line("nobody is asked for, and nobody listed", "\"\" ") },
        Odd { principal: "é", ..line("one `?` for a letter of two bytes", "? ") },
        Odd { principal: "ssh-ed25519", ..odd("a bare key", format!("{key}\n")) },
        odd("a bare key, and a name is asked for", format!("{key} acme\n")),
        Odd { principal: "ssh-ed25519", ..line("a name that is a type of key", "ssh-ed25519 ") },
        odd("no line end", format!("acme {key}")),
        odd("CRLF", format!("# x\r\n\r\nacme {key} a comment\r\n")),
        odd("CRLF after the key", format!("acme {key}\r\n")),
        odd("a carriage return within a line", format!("acme {key} a\rb\n")),
        odd("a mark of byte order at the start", format!("\u{feff}acme {key}\n")),
        odd("a NUL within a line", format!("acme {key} a\0b\n")),
        odd("bytes that are no text", [b"\xff,acme ", key.as_bytes(), b"\n"].concat()),
        odd("a line of 70,000 bytes", format!("acme {key} {long}\n")),
        line("a pattern of 1,100 bytes", &format!("{},acme ", "x".repeat(1100))),
        odd("a line that is broken, before", format!("acme bogus {other}\nacme {key}\n")),
        odd("a line that does not hold, before", format!("acme namespaces=\"git\" {key}\nacme {key}\n")),
        odd("a line of another, before", format!("* {other}\nacme {key}\n")),
        odd("10,000 lines of others, before", format!("{}acme {key}\n", format!("x {other}\n").repeat(10_000))),
        odd("a remark after a blank", format!("  # acme {key}\n")),
        odd("nothing", ""),
        odd("one bit of the key is changed", format!("acme {}\n", changed(key))),
        odd("the key is cut short", format!("acme {}\n", &key[..key.len() - 4])),
        odd("the type is another", format!("acme {}\n", key.replacen("ssh-ed25519", "ssh-rsa", 1))),
    ]
}

fn changed(key: &str) -> String {
    let mut bytes = key.as_bytes().to_vec();
    let last = bytes.len() - 1;
    bytes[last] = if bytes[last] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// Spellings of options.
fn options(key: &str) -> Vec<Odd> {
    let with = |name: &'static str, options: &str| odd(name, format!("acme {options} {key}\n"));
    let local = |name, options: &str, zone| Odd { zone, ..with(name, options) };
    vec![
        with("an option twice", "namespaces=\"*\",namespaces=\"*\""),
        with("an authority twice", "cert-authority,cert-authority"),
        with("a comma first", ",namespaces=\"*\""),
        with("two commas", "namespaces=\"*\",,valid-after=\"20260101Z\""),
        with("a comma at the end", "namespaces=\"*\","),
        with("no comma between", "namespaces=\"*\"valid-after=\"20260101Z\""),
        with("no quotes", "namespaces=*"),
        with("blanks around the sign", "namespaces = \"*\""),
        with("a blank in quotes", "namespaces=\"a b,*\""),
        with("an option of authorized_keys", "no-pty"),
        with("an empty option", "\"\""),
        with("an authority with a value", "cert-authority=\"yes\""),
        with("`touch-required`", "touch-required"),
        with("a time that is empty", "valid-after=\"\""),
        with("a time with a T", "valid-after=\"20260101T0000Z\""),
        with("a time of ten digits", "valid-after=\"2026010100Z\""),
        with("31 February", "valid-after=\"20260231Z\""),
        with("blanks for zeros", "valid-after=\"2026 1 1Z\""),
        with("a second 60", "valid-after=\"20260101235960Z\""),
        with("a month 13", "valid-after=\"20261301Z\""),
        with("before 1970", "valid-after=\"19691231Z\""),
        with("the year 9999", "valid-before=\"99991231Z\""),
        with("the end before the start", "valid-after=\"20270101Z\",valid-before=\"20260101Z\""),
        local("a local start of some hours ago, in UTC", "valid-after=\"20261123\"", "UTC"),
        local("a local start of a day ago, in UTC", "valid-after=\"202611221339\"", "UTC"),
        local("a local start that is past, but not in Honolulu", "valid-after=\"202611231300\"", "Pacific/Honolulu"),
        local("a local start that is only past in Tonga", "valid-after=\"202611240200\"", "Pacific/Tongatapu"),
        local("a local end in some hours, in UTC", "valid-before=\"20261124\"", "UTC"),
        local("a local end in a day, in UTC", "valid-before=\"202611241341\"", "UTC"),
        local("a local end that is past, but not in Honolulu", "valid-before=\"202611231300\"", "Pacific/Honolulu"),
        local("a local end that is only past in Tonga", "valid-before=\"202611240200\"", "Pacific/Tongatapu"),
    ]
}

/// Revoked keys, as lines and as binary lists that `ssh-keygen -k` makes.
fn revocations(dir: &Path, signer: &Signer, by: &Signer) -> Vec<(&'static str, Vec<u8>, Signer)> {
    let krl = |name: &str, spec: &str, ca: bool| {
        fs::write(dir.join("spec"), spec).unwrap();
        let ca: &[&str] = if ca { &["-s", "ca.pub"] } else { &[] };
        assert!(keygen(dir, &[&["-q", "-k", "-f", name], ca, &["spec"]].concat()), "{spec}");
        fs::read(dir.join(name)).unwrap()
    };
    let print = signer.public.parse::<PublicKey>().unwrap().fingerprint();
    let ca = read(dir, "ca.pub");
    let other = read(dir, "other.pub");
    let (plain, cert) = (|| signer.clone(), || by.clone());
    let unknown = [&krl("k9", &other, false)[..], &[254, 0, 0, 0, 0]].concat();
    let cut = krl("k0", &other, false);
    vec![
        ("revoked: a list without lines", Vec::new(), plain()),
        ("revoked: a remark, and another key", format!("# x\n{other}").into(), plain()),
        ("revoked: the key, by line", format!("{other}\n  {} a comment\n", signer.public).into(), plain()),
        ("revoked: the key, after a line that is none", format!("bogus\n{}\n", signer.public).into(), plain()),
        ("revoked: another, before a line that is none", format!("{other}\nbogus\n").into(), plain()),
        ("revoked: options before a key", format!("no-pty {other}").into(), plain()),
        ("revoked: the key, by KRL", krl("k1", &signer.public, false), plain()),
        ("revoked: the key, by KRL and SHA-256", krl("k2", &format!("hash: {print}\n"), false), plain()),
        ("revoked: the key, by KRL and SHA-1", krl("k3", &format!("sha1: {}\n", signer.public), false), plain()),
        ("revoked: another, by KRL", krl("k4", &other, false), plain()),
        ("revoked: another, by KRL and SHA-1", krl("k5", &format!("sha1: {other}"), false), plain()),
        ("revoked: a KRL that is cut short", cut[..cut.len() - 1].to_vec(), plain()),
        ("revoked: a KRL with a section of a new kind", unknown, plain()),
        ("revoked: the key of a certificate, by line", signer.public.clone().into(), cert()),
        ("revoked: the key of a certificate, by KRL", krl("k6", &signer.public, false), cert()),
        ("revoked: the authority, by line", ca.clone().into(), cert()),
        ("revoked: the authority, by KRL", krl("k7", &ca, false), cert()),
        ("revoked: the certificate, by number", krl("k8", "serial: 7\n", true), cert()),
        ("revoked: certificates of other numbers", krl("ka", "serial: 8-900\nserial: 1-5\n", true), cert()),
        (
            "revoked: certificates of many numbers",
            krl("kb", "serial: 1\nserial: 3\nserial: 7\nserial: 12\n", true),
            cert(),
        ),
        ("revoked: a span of numbers", krl("kc", "serial: 5-4000\n", true), cert()),
        ("revoked: the certificate, by name", krl("kd", "id: the id\n", true), cert()),
        ("revoked: a certificate of another name", krl("ke", "id: the\n", true), cert()),
    ]
}

fn word(accepts: bool) -> String {
    if accepts { "accepts" } else { "refuses" }.to_owned()
}

/// What the two say, of which only what differs stands on the page.
fn compare(table: &str, found: &BTreeMap<String, [bool; 2]>) {
    let differ: BTreeMap<&str, [String; 2]> =
        found.iter().filter(|(_, v)| v[0] != v[1]).map(|(name, v)| (name.as_str(), v.map(word))).collect();
    let rows = rows_of_page(table);
    let mut listed = BTreeMap::new();
    for row in &rows {
        let [name, keygen, here, why] = row.as_slice() else { panic!("not four cells: {row:?}") };
        assert!(!why.is_empty(), "no reason: {row:?}");
        listed.insert(name.as_str(), [keygen.clone(), here.clone()]);
    }
    let both = found.values().filter(|v| v[0] == v[1]).count();
    println!("{table}: {} cases, {both} alike", found.len());
    assert_eq!(differ, listed, "what differs is not what the page says");
}

#[test]
fn odd_lists_and_revoked_keys_are_judged_alike_or_stand_in_the_table() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ["ours", "other", "ca"].iter().for_each(|name| make(dir, name, "ed25519", ""));
    let key = Signer::of(dir, "ours");
    let mut found = BTreeMap::new();
    for case in spellings(&key.public, &read(dir, "other.pub")).into_iter().chain(options(&key.public)) {
        let judge = Judge { zone: case.zone, ..judge(dir, case.principal) };
        assert_eq!(found.insert(case.name.to_owned(), judge.verdicts(&case.list, &key)), None, "{}", case.name);
    }
    for (name, options) in [
        ("a certificate of a host", &["-h", "-n", "acme"][..]),
        ("a certificate with a critical option", &["-n", "acme", "-O", "force-command=true"]),
        ("a certificate without extensions", &["-n", "acme", "-O", "clear"]),
        ("a certificate for a pattern", &["-n", "*"]),
    ] {
        let by = Signer::certified(dir, "ours", "ca", options);
        let list = format!("* cert-authority {}", read(dir, "ca.pub"));
        assert_eq!(found.insert(name.to_owned(), judge(dir, "acme").verdicts(list.as_bytes(), &by)), None, "{name}");
    }
    let by = Signer::certified(dir, "ours", "ca", &["-n", "acme", "-z", "7"]);
    let list = format!("acme {}\nacme cert-authority {}", key.public, read(dir, "ca.pub"));
    for (name, revoked, signer) in revocations(dir, &key, &by) {
        let judge = Judge { revoked: Some(revoked), ..judge(dir, "acme") };
        assert_eq!(found.insert(name.to_owned(), judge.verdicts(list.as_bytes(), &signer)), None, "{name}");
    }
    compare("signers", &found);
}

#[test]
fn certificates_are_judged_by_their_authority_as_ssh_keygen_does() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (name, kind, bits) in [("ours", "ed25519", ""), ("p256", "ecdsa", "256"), ("rsa", "rsa", "2048")] {
        make(dir, name, kind, bits);
    }
    for (name, kind) in [("ca", "ed25519"), ("ca2", "ecdsa"), ("ca3", "rsa")] {
        make(dir, name, kind, if kind == "rsa" { "2048" } else { "" });
    }
    let windows: [&[&str]; 4] = [
        &[],
        &["-V", "20260101Z:20270101Z"],
        &["-V", "20261123134000Z:20261123134001Z"],
        &["-V", "20250101Z:20261123134000Z"],
    ];
    let people: [&[&str]; 4] = [&["-n", "acme"], &["-n", "bob,acme"], &["-n", "bob"], &[]];
    let lines = [
        "acme cert-authority ",
        "* CERT-AUTHORITY,namespaces=\"consign-*\" ",
        "a*,!acme cert-authority ",
        "birch cert-authority ",
        "acme ",
        "acme cert-authority,valid-before=\"20261123133959Z\" ",
        "acme namespaces=\"git\",cert-authority ",
    ];
    let (mut accepted, mut cases) = (0, 0);
    for (name, ca) in [("ours", "ca"), ("p256", "ca2"), ("rsa", "ca3")] {
        for (w, window) in windows.iter().enumerate() {
            for (p, people) in people.iter().enumerate() {
                if name != "ours" && (w + p) % 3 != 0 {
                    continue;
                }
                let signer = Signer::certified(dir, name, ca, &[*window, people].concat());
                let authorities = [ca, if ca == "ca" { "ca2" } else { "ca" }];
                for (line, authority) in lines.iter().flat_map(|l| authorities.map(|a| (l, a))) {
                    let list = format!("{line}{}", read(dir, &format!("{authority}.pub")));
                    let [keygen, here] = judge(dir, "acme").verdicts(list.as_bytes(), &signer);
                    assert_eq!(keygen, here, "{name} {ca} {window:?} {people:?}: {list}");
                    cases += 1;
                    accepted += u32::from(keygen);
                }
            }
        }
    }
    println!("{cases} lists for certificates: {accepted} accepted by both");
    assert!(cases > 300 && accepted >= 20, "{cases} {accepted}");
}
