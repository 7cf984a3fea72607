//! Signatures, judged by `ssh-keygen` and by us: each kind of key both ways, and what must be refused. Hardware keys
//! can't be had here, so theirs are made by hand, as a key would make them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consign::bundle::Pins;
use consign::class::Fault;
use consign::crypto::{Certificate, PassphraseSource, Presence, Secret, Signature, SigningKey, sha256};
use consign::exchange::trust::Trust;
use consign::format::envelope::NAMESPACE;
use consign::format::revoked::Revoked;
use consign::format::time::Time;
use ed25519_dalek::Signer as _;
use sha2::Digest as _;

use crate::rows_of_page;
use crate::tools::have;

pub const MESSAGE: &[u8] = b"{\"as\":\"signed\"}";
const NOW: &str = "20261123134000Z";
const TOUCHED: u8 = 1;

struct NoPassphrase;

impl PassphraseSource for NoPassphrase {
    fn passphrase(&self, _: &str) -> consign::crypto::Result<Secret> {
        panic!("no key here is locked")
    }
}

struct Always(&'static str);

impl PassphraseSource for Always {
    fn passphrase(&self, _: &str) -> consign::crypto::Result<Secret> {
        Ok(Secret::new(self.0.into()))
    }
}

fn now() -> Time {
    "2026-11-23T13:40:00Z".parse().unwrap()
}

pub fn keygen(dir: &Path, args: &[&str]) -> bool {
    let out = Command::new("ssh-keygen").args(args).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    out.status.success()
}

/// A key pair made by `ssh-keygen`: the files `name` and `name.pub`.
pub fn make(dir: &Path, name: &str, kind: &str, bits: &str) {
    let bits: &[&str] = if bits.is_empty() { &[] } else { &["-b", bits] };
    assert!(keygen(dir, &[&["-q", "-t", kind, "-N", "", "-C", "a comment", "-f", name], bits].concat()), "{kind}");
}

pub fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

/// What `ssh-keygen -Y sign` makes of the message.
pub fn signed_by_keygen(dir: &Path, key: &str, more: &[&str]) -> Vec<u8> {
    fs::write(dir.join("message"), MESSAGE).unwrap();
    let _gone = fs::remove_file(dir.join("message.sig"));
    assert!(keygen(dir, &[&["-q", "-Y", "sign", "-f", key, "-n", NAMESPACE], more, &["message"]].concat()));
    fs::read(dir.join("message.sig")).unwrap()
}

/// One question: did `principal` sign this message?
#[derive(Clone)]
struct Case {
    armour: Vec<u8>,
    message: Vec<u8>,
    namespace: String,
    principal: String,
    allowed: String,
    revoked: Option<String>,
}

impl Case {
    fn new(armour: impl Into<Vec<u8>>, public: &str) -> Case {
        Case {
            armour: armour.into(),
            message: MESSAGE.to_vec(),
            namespace: NAMESPACE.to_owned(),
            principal: "acme".to_owned(),
            allowed: format!("acme {public}"),
            revoked: None,
        }
    }

    fn keygen_accepts(&self, dir: &Path) -> bool {
        fs::write(dir.join("allowed"), format!("{}\n", self.allowed)).unwrap();
        fs::write(dir.join("sig"), &self.armour).unwrap();
        fs::write(dir.join("message"), &self.message).unwrap();
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-f", "allowed", "-I", &self.principal, "-n", &self.namespace, "-s", "sig"]);
        command.arg(format!("-Overify-time={NOW}")).current_dir(dir).env("TZ", "UTC");
        if let Some(revoked) = &self.revoked {
            fs::write(dir.join("revoked"), format!("{revoked}\n")).unwrap();
            command.args(["-r", "revoked"]);
        }
        let message = fs::File::open(dir.join("message")).unwrap();
        command.stdin(message).output().unwrap().status.success()
    }

    /// The signature is checked, and its key must be one that a file given by `--signer` lists for now and for the
    /// principal given by `--principal`, and that no list given by `--revoked` has.
    fn we_accept(&self) -> bool {
        let Ok(made) = Signature::verify(&self.armour, &self.namespace, &self.message, "message") else { return false };
        let mut trust = Trust::default();
        trust.demand(std::slice::from_ref(&self.principal));
        if let Some(revoked) = &self.revoked {
            trust.revoke(Revoked::parse(revoked.as_bytes()).unwrap());
        }
        let who = |trust: &Trust| match &made.certificate {
            Some(certificate) => trust.who_certified(certificate, now()),
            None => trust.who(&made.key, now()),
        };
        trust.add_file(self.allowed.as_bytes(), "allowed").is_ok() && who(&trust).is_some()
    }
}

/// A new key, as we read it.
fn made(dir: &Path, name: &str, kind: &str, bits: &str) -> SigningKey {
    let _gone = fs::remove_file(dir.join(name));
    make(dir, name, kind, bits);
    SigningKey::read(&Secret::new(fs::read(dir.join(name)).unwrap()), name, &NoPassphrase).unwrap()
}

#[test]
fn each_kind_of_key_that_signs_here_is_accepted_by_ssh_keygen_and_the_other_way_round() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let ecdsa = [("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")];
    for (kind, bits) in ecdsa.into_iter().chain([("ed25519", ""), ("rsa", "2048"), ("rsa", "3072")]) {
        let name = format!("{kind}{bits}");
        let key = made(dir, &name, kind, bits);
        let public = read(dir, &format!("{name}.pub"));
        let ours = key.sign(NAMESPACE, MESSAGE).unwrap();
        assert!(Case::new(ours.clone(), &public).keygen_accepts(dir), "{name}: ours by ssh-keygen");
        let theirs = signed_by_keygen(dir, &name, &[]);
        assert!(Case::new(theirs.clone(), &public).we_accept(), "{name}: theirs by us");
        // There is one Ed25519 or RSA signature of a message; ECDSA has a new one each time.
        assert_eq!(ours.as_bytes() == theirs, kind != "ecdsa", "{name}");
        for case in [Case::new(ours, &public), Case::new(theirs, &public)] {
            let other = Case { message: b"{\"as\":\"sighed\"}".to_vec(), ..case.clone() };
            assert!(!other.keygen_accepts(dir) && !other.we_accept(), "{name}: another message");
            let other = Case { namespace: "consign-key-v1".to_owned(), ..case };
            assert!(!other.keygen_accepts(dir) && !other.we_accept(), "{name}: another namespace");
        }
    }
}

#[test]
fn the_locked_file_of_a_key_made_here_signs_in_ssh_keygen() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let key = SigningKey::generate().unwrap();
    let file = key.file(&Secret::new(b"correct horse".to_vec())).unwrap();
    fs::write(dir.join("key"), file.expose()).unwrap();
    fs::set_permissions(dir.join("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(!keygen(dir, &["-q", "-p", "-P", "another horse", "-N", "", "-f", "key"]));
    assert!(keygen(dir, &["-q", "-p", "-P", "correct horse", "-N", "", "-f", "key"]));
    let theirs = signed_by_keygen(dir, "key", &[]);
    assert_eq!(theirs, key.sign(NAMESPACE, MESSAGE).unwrap().into_bytes());
}

/// Every second P-521 key has a secret number that begins with a zero byte, which `ssh-key` doesn't take; and one in 256
/// of P-256.
#[test]
fn every_ecdsa_key_is_read_also_one_whose_secret_number_is_short_locked_or_not() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut short = 0;
    // Twelve at least, and as many more as it takes: each is short with a chance of one half.
    for n in 0..64 {
        if n >= 12 && short > 0 {
            break;
        }
        let key = made(dir, "key", "ecdsa", "521");
        let pem = read(dir, "key");
        short += u32::from(ssh_key::PrivateKey::from_openssh(pem).is_err());
        let public = read(dir, "key.pub");
        assert!(Case::new(key.sign(NAMESPACE, MESSAGE).unwrap(), &public).keygen_accepts(dir), "{n}");
        let cipher: &[&str] = if n % 2 == 0 { &[] } else { &["-Z", "aes256-cbc"] };
        assert!(keygen(dir, &[&["-q", "-p", "-P", "", "-N", "correct horse", "-f", "key"], cipher].concat()));
        let locked = Secret::new(fs::read(dir.join("key")).unwrap());
        let key = SigningKey::read(&locked, "key", &Always("correct horse")).unwrap();
        assert!(Case::new(key.sign(NAMESPACE, MESSAGE).unwrap(), &public).keygen_accepts(dir), "{n}, locked");
        let wrong = SigningKey::read(&locked, "key", &Always("correct house")).map(|_| ()).unwrap_err();
        assert_eq!(wrong.word(), "wrong-passphrase", "{n}");
    }
    assert!(short > 0, "64 keys, and none of them short");
}

#[test]
fn rsa_signs_from_2048_bits_on_and_a_short_one_is_refused() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    make(dir, "short", "rsa", "1024");
    let short = Secret::new(fs::read(dir.join("short")).unwrap());
    let refused = SigningKey::read(&short, "short", &NoPassphrase).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("less than 2048 bits"), "{refused}");
    assert!(!Case::new(signed_by_keygen(dir, "short", &[]), &read(dir, "short.pub")).we_accept());
}

/// `string` of the SSH protocol.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A positive `mpint`.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let pad: &[u8] = if bytes.get(start).is_some_and(|b| *b >= 0x80) { &[0] } else { &[] };
    string(&[pad, &bytes[start..]].concat())
}

fn armour_in_lines_of(width: usize, blob: &[u8]) -> String {
    let text = STANDARD.encode(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

/// A key that signs whatever it is told to.
enum Hand {
    Ed25519(ed25519_dalek::SigningKey),
    HardwareEd25519(ed25519_dalek::SigningKey),
    HardwareEcdsa(p256::ecdsa::SigningKey),
}

impl Hand {
    fn kind(&self) -> &'static [u8] {
        match self {
            Hand::Ed25519(_) => b"ssh-ed25519",
            Hand::HardwareEd25519(_) => b"sk-ssh-ed25519@openssh.com",
            Hand::HardwareEcdsa(_) => b"sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn blob(&self) -> Vec<u8> {
        let kind = string(self.kind());
        match self {
            Hand::Ed25519(key) => [kind, string(key.verifying_key().as_bytes())].concat(),
            Hand::HardwareEd25519(key) => [kind, string(key.verifying_key().as_bytes()), string(b"ssh:")].concat(),
            Hand::HardwareEcdsa(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                [kind, string(b"nistp256"), string(point.as_bytes()), string(b"ssh:")].concat()
            }
        }
    }

    fn public(&self) -> String {
        format!("{} {}", std::str::from_utf8(self.kind()).unwrap(), STANDARD.encode(self.blob()))
    }

    /// The inner signature; a hardware key adds its flags and a counter to what it signs.
    fn sign(&self, data: &[u8], flags: u8) -> Vec<u8> {
        let state = [&[flags][..], &7_u32.to_be_bytes()].concat();
        let for_hardware = || [sha256(b"ssh:").bytes(), &state[..], sha256(data).bytes()].concat();
        let kind = string(self.kind());
        match self {
            Hand::Ed25519(key) => [kind, string(&key.sign(data).to_bytes())].concat(),
            Hand::HardwareEd25519(key) => [kind, string(&key.sign(&for_hardware()).to_bytes()), state].concat(),
            Hand::HardwareEcdsa(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&for_hardware());
                let (r, s) = signature.split_bytes();
                [kind, string(&[mpint(&r), mpint(&s)].concat()), state].concat()
            }
        }
    }
}

/// The fields of a blob, all of them signed as they stand.
struct Blob<'a> {
    by: &'a Hand,
    version: u32,
    reserved: &'a [u8],
    hash: &'a [u8],
    flags: u8,
}

impl Blob<'_> {
    fn of(by: &Hand) -> Blob<'_> {
        Blob { by, version: 1, reserved: b"", hash: b"sha512", flags: TOUCHED }
    }

    fn bytes(&self) -> Vec<u8> {
        let digest = sha512(MESSAGE);
        let common = [string(NAMESPACE.as_bytes()), string(self.reserved), string(self.hash)].concat();
        let data = [&b"SSHSIG"[..], &common, &string(&digest)].concat();
        let signature = string(&self.by.sign(&data, self.flags));
        let version = self.version.to_be_bytes();
        [&b"SSHSIG"[..], &version, &string(&self.by.blob()), &common, &signature].concat()
    }

    fn case(&self) -> Case {
        Case::new(armour_in_lines_of(70, &self.bytes()), &self.by.public())
    }
}

fn sha512(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha512::digest(bytes).to_vec()
}

#[test]
fn signatures_of_hardware_keys_are_taken_when_they_show_a_touch() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for key in hardware() {
        let name = String::from_utf8_lossy(key.kind()).into_owned();
        let case = Blob::of(&key).case();
        assert!(case.we_accept() && case.keygen_accepts(dir.path()), "{name}");
        let presence = |case: &Case| Signature::verify(&case.armour, NAMESPACE, MESSAGE, "x").unwrap().presence;
        let touched = Presence { touched: true, verified: false, counter: 7 };
        assert_eq!(presence(&case), Some(touched), "{name}");
        // Pressed and with a PIN.
        let case = Blob { flags: TOUCHED | 4, ..Blob::of(&key) }.case();
        assert!(case.we_accept() && case.keygen_accepts(dir.path()), "{name}");
        assert_eq!(presence(&case), Some(Presence { verified: true, ..touched }), "{name}");
        let other = Case { message: b"x".to_vec(), ..case };
        assert!(!other.we_accept() && !other.keygen_accepts(dir.path()), "{name}");
    }
}

/// Signatures as hardware makes them, with the public keys.
pub fn by_hardware() -> Vec<(Vec<u8>, String)> {
    hardware().iter().map(|key| (Blob::of(key).case().armour, key.public())).collect()
}

fn hardware() -> [Hand; 2] {
    let (one, other) = (ed25519_dalek::SigningKey::from_bytes(&[2; 32]), [3; 32].into());
    [Hand::HardwareEd25519(one), Hand::HardwareEcdsa(p256::ecdsa::SigningKey::from_bytes(&other).unwrap())]
}

/// Who is asked about, and what the list says of the key.
fn questions(sound: &Case, public: &str) -> Vec<(&'static str, Case)> {
    let sound = || sound.clone();
    let allowed = |line: String| Case { allowed: line, ..sound() };
    let another = Hand::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[9; 32])).public();
    vec![
        ("sound", sound()),
        (
            "sound, with options that hold",
            allowed(format!(
                "acme namespaces=\"git,{NAMESPACE}\",valid-after=\"20260101Z\",valid-before=\"20270101Z\" {public}"
            )),
        ),
        ("another key is listed", allowed(format!("acme {another}"))),
        ("another message", Case { message: [MESSAGE, b" "].concat(), ..sound() }),
        ("no message", Case { message: Vec::new(), ..sound() }),
        ("another namespace is asked for", Case { namespace: "consign-card-v1".into(), ..sound() }),
        ("the key is listed for another namespace", allowed(format!("acme namespaces=\"git\" {public}"))),
        ("the key is listed for a pattern of namespaces", allowed(format!("acme namespaces=\"consign-*\" {public}"))),
        ("another principal is asked for", Case { principal: "birch".into(), ..sound() }),
        ("the key is not valid yet", allowed(format!("acme valid-after=\"20261123134001Z\" {public}"))),
        ("the key is valid from this second on", allowed(format!("acme valid-after=\"{NOW}\" {public}"))),
        ("the key has expired", allowed(format!("acme valid-before=\"20261123133959Z\" {public}"))),
        ("the key expires in this second", allowed(format!("acme valid-before=\"{NOW}\" {public}"))),
        ("the key is valid in local time", allowed(format!("acme valid-after=\"20260101\" {public}"))),
        ("the key is listed as an authority only", allowed(format!("acme cert-authority {public}"))),
        ("an option that nobody knows", allowed(format!("acme no-such-option {public}"))),
        ("the key is revoked by a list", Case { revoked: Some(public.to_owned()), ..sound() }),
    ]
}

/// Blobs that are signed as they stand, but should not be.
fn lies(key: &Hand) -> Vec<(&'static str, Case)> {
    let blob = || Blob::of(key);
    let untouched = |key: &Hand| Blob { flags: 0, ..Blob::of(key) }.case();
    let [one, other] = hardware();
    let trailing = [&blob().bytes()[..], b"more"].concat();
    vec![
        ("version 0", Blob { version: 0, ..blob() }.case()),
        ("version 2", Blob { version: 2, ..blob() }.case()),
        ("a filled reserved field, which is signed", Blob { reserved: b"x", ..blob() }.case()),
        ("an unknown hash, named and signed", Blob { hash: b"sha3-512", ..blob() }.case()),
        ("SHA-1, named and signed", Blob { hash: b"sha1", ..blob() }.case()),
        ("no hash", Blob { hash: b"", ..blob() }.case()),
        ("bytes after the blob", Case { armour: armour_in_lines_of(70, &trailing).into(), ..blob().case() }),
        ("no touch, Ed25519 hardware", untouched(&one)),
        ("no touch, ECDSA hardware", untouched(&other)),
    ]
}

/// The same signature, damaged or spelled otherwise.
fn spellings(sound: &Case, blob: &[u8]) -> Vec<(&'static str, Case)> {
    let text = String::from_utf8(sound.armour.clone()).unwrap();
    let spelled = |armour: String| Case { armour: armour.into(), ..sound.clone() };
    let bytes = |blob: &[u8]| spelled(armour_in_lines_of(70, blob));
    let changed = |at: usize, by: &[u8]| [&blob[..at], by, &blob[at + by.len()..]].concat();
    let reserved = blob.windows(4 + NAMESPACE.len()).position(|w| w == string(NAMESPACE.as_bytes())).unwrap();
    let reserved = reserved + 4 + NAMESPACE.len();
    let filled = [&blob[..reserved], &string(b"x"), &blob[reserved + 4..]].concat();
    let flipped = changed(blob.len() - 1, &[blob[blob.len() - 1] ^ 1]);
    vec![
        ("one bit of the signature is changed", bytes(&flipped)),
        ("the blob is cut short", bytes(&blob[..blob.len() - 1])),
        ("another magic", bytes(&changed(0, b"SSHSIX"))),
        ("a filled reserved field, which is not signed", bytes(&filled)),
        ("lines of 76", spelled(armour_in_lines_of(76, blob))),
        ("one line", spelled(armour_in_lines_of(1 << 20, blob))),
        ("CRLF", spelled(text.replace('\n', "\r\n"))),
        ("spaces at the end of lines", spelled(text.replace('\n', " \n"))),
        ("a blank line within", spelled(text.replacen('\n', "\n\n", 2))),
        ("no line end at the end", spelled(text.trim_end().to_owned())),
        ("a line end more", spelled(format!("{text}\n"))),
        ("a line before", spelled(format!("signature:\n{text}"))),
        ("bytes after the armour", spelled(format!("{text}more\n"))),
        ("a second signature after the first", spelled(format!("{text}{text}"))),
        ("an armour of another kind", spelled(text.replace("SSH SIGNATURE", "PGP SIGNATURE"))),
        ("nothing", spelled(String::new())),
    ]
}

/// What needs a key file of `ssh-keygen`.
fn other_keys(dir: &Path) -> Vec<(&'static str, Case)> {
    let public = |name: &str| read(dir, &format!("{name}.pub"));
    for (name, kind, bits) in [("ours", "ed25519", ""), ("short", "rsa", "1024"), ("ca", "ed25519", "")] {
        make(dir, name, kind, bits);
    }
    assert!(
        keygen(dir, &["-q", "-s", "ca", "-I", "id", "-n", "acme", "-V", "20250101Z:20300101Z", "ours"]),
        "a certificate"
    );
    let by_certificate = signed_by_keygen(dir, "ours-cert.pub", &[]);
    let authority = format!("cert-authority {}", public("ca"));
    let of = |name: &str, more: &[&str]| {
        make(dir, name, "ed25519", "");
        let usual = ["-q", "-s", "ca", "-I", "id", "-n", "acme", "-V", "20250101Z:20300101Z"];
        assert!(keygen(dir, &[&usual, more, &[name]].concat()), "{name}");
        signed_by_keygen(dir, &format!("{name}-cert.pub"), &[])
    };
    vec![
        ("SHA-256", Case::new(signed_by_keygen(dir, "ours", &["-Ohashalg=sha256"]), &public("ours"))),
        ("RSA of 1024 bits", Case::new(signed_by_keygen(dir, "short", &[]), &public("short"))),
        ("a certificate, whose authority is listed", Case::new(by_certificate.clone(), &authority)),
        ("a certificate of a machine, whose authority is listed", Case::new(of("machine", &["-h"]), &authority)),
        ("a certificate with a critical option", Case::new(of("bound", &["-O", "force-command=x"]), &authority)),
        ("a certificate for another principal", Case::new(of("other", &["-n", "birch"]), &authority)),
        ("a certificate that has ended", Case::new(of("ended", &["-V", "20250101Z:20260101Z"]), &authority)),
        ("a certificate, whose own key is listed", Case::new(by_certificate, &public("ours"))),
    ]
}

/// Each kind of key, certified: the signature with the certificate in the key's place.
#[test]
fn signatures_with_certificates_are_made_as_ssh_keygen_makes_them_and_tell_who_certified() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (ca, bits) in [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "521")] {
        make(dir, &format!("ca-{ca}"), ca, bits);
        for (kind, bits) in [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "384")] {
            let name = format!("{kind}-by-{ca}");
            let key = made(dir, &name, kind, bits);
            let authority = format!("ca-{ca}");
            assert!(keygen(
                dir,
                &["-q", "-s", &authority, "-I", "id", "-n", "acme", "-V", "20250101Z:20300101Z", &name]
            ));
            let certificate = Certificate::from_line(&read(dir, &format!("{name}-cert.pub"))).unwrap();
            let ours = key.certified(certificate.clone()).unwrap().sign(NAMESPACE, MESSAGE).unwrap();
            let allowed = format!("cert-authority {}", read(dir, &format!("{authority}.pub")));
            assert!(Case::new(ours.clone(), &allowed).keygen_accepts(dir), "{name}: ours by ssh-keygen");
            let theirs = signed_by_keygen(dir, &format!("{name}-cert.pub"), &[]);
            assert_eq!(ours.as_bytes() == theirs, kind != "ecdsa", "{name}");
            let made = Signature::verify(&theirs, NAMESPACE, MESSAGE, "message").unwrap();
            assert_eq!(made.certificate, Some(certificate), "{name}: theirs by us");
        }
    }
    let (other, certificate) = (made(dir, "other", "ed25519", ""), read(dir, "ed25519-by-rsa-cert.pub"));
    assert!(other.certified(Certificate::from_line(&certificate).unwrap()).is_err());
}

#[test]
fn what_ssh_keygen_refuses_we_refuse_and_where_we_differ_it_stands_in_the_table() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let key = Hand::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let (sound, blob) = (Blob::of(&key).case(), Blob::of(&key).bytes());
    let cases =
        [questions(&sound, &key.public()), lies(&key), spellings(&sound, &blob), other_keys(dir.path())].concat();
    let word = |accepted| if accepted { "accepts" } else { "refuses" }.to_owned();
    let found: BTreeMap<String, [String; 2]> = cases
        .iter()
        .map(|(name, case)| ((*name).to_owned(), [word(case.keygen_accepts(dir.path())), word(case.we_accept())]))
        .collect();
    assert_eq!(found.len(), cases.len(), "two cases of one name");
    let mut listed = BTreeMap::new();
    for row in rows_of_page("sshsig") {
        let [name, keygen, here, why] = row.as_slice() else { panic!("not four cells: {row:?}") };
        assert!(keygen == here || !why.is_empty(), "no reason: {row:?}");
        listed.insert(name.clone(), [keygen.clone(), here.clone()]);
    }
    assert_eq!(found, listed, "the verdicts are not what the page says");
}
