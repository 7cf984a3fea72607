//! Agents that die, hang, refuse, lie and talk nonsense; a security key behind an agent and behind `ssh-keygen`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::Digest as _;

use crate::desk::{Desk, Ran, have};
use crate::{Agent, judged, key, pack_with, read, stock, wait_for};

const LIST: u8 = 11;
const SIGN: u8 = 13;

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// One question: its type and the rest.
fn question(stream: &mut UnixStream) -> Option<(u8, Vec<u8>)> {
    let mut len = [0; 4];
    stream.read_exact(&mut len).ok()?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some((body[0], body[1..].to_vec()))
}

fn listing(blob: &[u8]) -> Vec<u8> {
    string(&[&[12][..], &1_u32.to_be_bytes(), &string(blob), &string(b"a comment")].concat())
}

/// An agent that holds one key and answers a request to sign with what `answer` gives for the data, or closes.
fn fake(desk: &Desk, blob: Vec<u8>, answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) {
    let socket = desk.path("agent");
    let _old = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            while let Some((kind, rest)) = question(&mut stream) {
                let reply = match kind {
                    LIST => Some(listing(&blob)),
                    SIGN => {
                        let at = 4 + blob.len();
                        let len = u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
                        answer(&rest[at + 4..at + 4 + usize::try_from(len).unwrap()])
                    }
                    _ => None,
                };
                let Some(reply) = reply else { break };
                if stream.write_all(&reply).is_err() || kind == SIGN {
                    break;
                }
            }
        }
    });
}

fn signature(inner: &[u8]) -> Vec<u8> {
    string(&[&[14][..], &string(inner)].concat())
}

fn blob_of(desk: &Desk, public: &str) -> Vec<u8> {
    STANDARD.decode(read(desk, public).split(' ').nth(1).unwrap()).unwrap()
}

/// A firm with a tree, and a key `ed` whose public half only is used.
fn desk() -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    key(&desk, "ed", "ed25519", "", "");
    desk
}

/// What is there before and must be there after: no file more, no line more.
fn state(desk: &Desk) -> (Vec<String>, String) {
    let names = desk.names(".").into_iter().filter(|name| name != "agent").collect();
    (names, desk.run("north", "log").out)
}

#[test]
fn an_agent_that_refuses_lies_dies_or_talks_nonsense_leaves_nothing() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    let before = state(&desk);
    let blob = blob_of(&desk, "ed.pub");
    let other = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    type Answer = Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send>;
    let cases: Vec<(&str, i32, &str, Answer)> = vec![
        ("refuses", 9, "agent-refused", Box::new(|_| Some(string(&[5])))),
        ("closes", 1, "agent-broken", Box::new(|_| None)),
        ("breaks off", 1, "agent-broken", Box::new(|_| Some(vec![0, 0, 1, 0, 14, 0]))),
        ("is of another kind", 1, "agent-broken", Box::new(|_| Some(string(&[77, 1, 2, 3])))),
        ("is huge", 1, "agent-broken", Box::new(|_| Some(vec![0xff, 0xff, 0xff, 0xff, 14, 0]))),
        ("is empty", 1, "agent-broken", Box::new(|_| Some(string(&[])))),
        ("has lengths that lie", 1, "agent-broken", Box::new(|_| Some(string(&[14, 0xff, 0xff, 0xff, 0xff])))),
        ("is noise", 1, "bad-device", {
            Box::new(|_| Some(signature(&[string(b"ssh-ed25519"), string(&[9; 64])].concat())))
        }),
        ("is another key's", 1, "bad-device", {
            let other = other.clone();
            Box::new(move |data| {
                Some(signature(&[string(b"ssh-ed25519"), string(&other.sign(data).to_bytes())].concat()))
            })
        }),
        (
            "is SHA-1",
            1,
            "agent-broken",
            Box::new(|_| Some(signature(&[string(b"ssh-rsa"), string(&[9; 256])].concat()))),
        ),
    ];
    for (what, code, word, answer) in cases {
        fake(&desk, blob.clone(), answer);
        let ran = pack_with(&desk, &["--sign-with", "ed.pub"]);
        assert_eq!((ran.code, ran.err.contains(&format!("[{word}]"))), (code, true), "{what}: {}", ran.err);
        assert!(ran.err.contains("fix:") || code == 1, "{what}: {}", ran.err);
        assert_eq!(state(&desk), before, "{what}");
    }
}

#[test]
fn an_agent_that_is_killed_between_listing_and_signing_leaves_nothing() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    let agent = Agent::start(&desk);
    stock(&desk, "ssh-add", &["-q", "ed"]);
    let before = state(&desk);
    // In front of the real one, which it kills once the key was listed.
    let real = desk.path("real");
    fs::rename(desk.path("agent"), &real).unwrap();
    let listener = UnixListener::bind(desk.path("agent")).unwrap();
    let mut agent = agent;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            while let Some((kind, rest)) = question(&mut stream) {
                let Ok(mut to) = UnixStream::connect(&real) else { break };
                to.write_all(&string(&[&[kind][..], &rest].concat())).unwrap();
                if kind == SIGN {
                    agent.0.kill().unwrap();
                    agent.0.wait().unwrap();
                }
                let mut len = [0; 4];
                if to.read_exact(&mut len).is_err() || kind == SIGN {
                    break;
                }
                let mut body = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap()];
                to.read_exact(&mut body).unwrap();
                stream.write_all(&[&len[..], &body].concat()).unwrap();
            }
        }
    });
    pack_with(&desk, &["--sign-with", "ed.pub"]).fails(1, "agent-broken").says("went away");
    let _gone = fs::remove_file(desk.path("real"));
    assert_eq!(state(&desk), before);
}

#[test]
fn an_agent_that_waits_for_a_touch_is_said_so_and_a_signal_ends_it_at_once() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    let before = state(&desk);
    fake(&desk, blob_of(&desk, "ed.pub"), |_| {
        std::thread::sleep(Duration::from_secs(600));
        None
    });
    let args = ["pack", "tree", "--to", "acme", "--sign-with", "ed.pub"];
    let mut command = desk.command("north");
    command.env("SSH_AUTH_SOCK", desk.path("agent")).args(args).stderr(Stdio::piped()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let began = Instant::now();
    let pid = child.id().to_string();
    stock(&desk, "kill", &["-INT", &pid]);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("waiting for ssh-agent: touch the key"), "{}", ran.err);
    assert_eq!(state(&desk), before);
}

/// The security key: its blob, and what it signs with these flags.
fn device() -> (Vec<u8>, impl Fn(&[u8], u8) -> Vec<u8> + Clone) {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let kind = b"sk-ssh-ed25519@openssh.com";
    let blob = [string(kind), string(secret.verifying_key().as_bytes()), string(b"ssh:")].concat();
    let sign = move |data: &[u8], flags: u8| {
        let state = [&[flags][..], &42_u32.to_be_bytes()].concat();
        let signed = [&sha2::Sha256::digest(b"ssh:")[..], &state, &sha2::Sha256::digest(data)[..]].concat();
        [string(kind), string(&secret.sign(&signed).to_bytes()), state].concat()
    };
    (blob, sign)
}

#[test]
fn a_security_key_in_an_agent_signs_and_its_touch_and_pin_are_shown() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    let (blob, sign) = device();
    let line = format!("sk-ssh-ed25519@openssh.com {} stick\n", STANDARD.encode(&blob));
    desk.write("stick.pub", &line);
    for (flags, shown, json) in
        [(1, "security key, touched", "\"user_verified\":false"), (5, "PIN", "\"user_verified\":true")]
    {
        let sign = sign.clone();
        fake(&desk, blob.clone(), move |data| Some(signature(&sign(data, flags))));
        let bundle = format!("{flags}.consign");
        pack_with(&desk, &["-o", &bundle, "--sign-with", "stick.pub"]).ok();
        assert!(judged(&desk, &bundle, 0, &line), "{flags}");
        desk.run("acme", &format!("verify --signer stick.pub {bundle}")).ok().says(shown);
        desk.run("acme", &format!("inspect --signer stick.pub {bundle}")).ok().says(shown);
        desk.run("acme", &format!("verify --json --signer stick.pub {bundle}")).ok().says(json).says("\"counter\":42");
    }
    // Without a touch ssh-keygen would take it; it is not even made here.
    let before = state(&desk);
    fake(&desk, blob, move |data| Some(signature(&sign(data, 0))));
    pack_with(&desk, &["--sign-with", "stick.pub"]).fails(1, "bad-device").says("not touched");
    assert_eq!(state(&desk), before);
}

/// The file that leads to the device, as `ssh-keygen -t ed25519-sk` leaves it.
fn handle(desk: &Desk) {
    let (blob, _) = device();
    let check = [1, 2, 3, 4, 1, 2, 3, 4];
    let fields = [&blob[..], &[1], &string(b"handle"), &string(b""), &string(b"stick")].concat();
    let mut private = [&check[..], &fields].concat();
    private.extend(1..=u8::try_from((8 - private.len() % 8) % 8).unwrap());
    let none = [string(b"none"), string(b"none"), string(b""), 1_u32.to_be_bytes().to_vec()].concat();
    let whole = [&b"openssh-key-v1\0"[..], &none, &string(&blob), &string(&private)].concat();
    let text = STANDARD.encode(whole);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let (begin, end) = ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----");
    let path = desk.write("stick", format!("{begin}\n{}\n{end}\n", lines.join("\n")));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_file_of_a_security_key_goes_to_ssh_keygen_which_says_that_no_device_is_there() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    handle(&desk);
    let before = state(&desk);
    // The real one reads the file, and finds no device.
    pack_with(&desk, &["--sign-with", "stick"]).fails(9, "not-signed").says("ssh-add");
    let none = desk.dir.path().join("no-such-folder");
    let args = ["pack", "tree", "--to", "acme", "--sign-with", "stick"];
    Ran::of(desk.command("north").env("PATH", none).args(args).output().unwrap()).fails(1, "no-ssh-keygen");
    assert_eq!(state(&desk), before);
}

/// A `ssh-keygen` before the real one in PATH, which notes what it was started with and gives what the test gives it.
fn stand_in(desk: &Desk) -> PathBuf {
    let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho \"$@\" > args; env > env; cat > message.new\n\
                  mv message.new message\nwhile [ ! -f sig ]; do sleep 0.05; done; cat sig\n";
    let path = desk.write("bin/ssh-keygen", script);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    desk.path("bin")
}

#[test]
fn ssh_keygen_signs_for_a_security_key_and_gets_no_secret() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    handle(&desk);
    let (blob, sign) = device();
    let bin = stand_in(&desk);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let give = |desk: &Desk, flags: u8| {
        let (folder, blob, sign) = (desk.path("bin"), blob.clone(), sign.clone());
        ["sig", "message"].iter().for_each(|name| drop(fs::remove_file(folder.join(name))));
        std::thread::spawn(move || {
            wait_for(&folder.join("message"));
            let message = fs::read(folder.join("message")).unwrap();
            let common = [string(b"consign-bundle-v1"), string(b""), string(b"sha512")].concat();
            let data = [&b"SSHSIG"[..], &common, &string(&sha2::Sha512::digest(&message))].concat();
            let inner = string(&sign(&data, flags));
            let sig = [&b"SSHSIG"[..], &1_u32.to_be_bytes(), &string(&blob), &common, &inner].concat();
            let text = STANDARD.encode(sig);
            let lines: Vec<&str> = text.as_bytes().chunks(70).map(|l| std::str::from_utf8(l).unwrap()).collect();
            let text = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"));
            fs::write(folder.join("sig.new"), text).unwrap();
            fs::rename(folder.join("sig.new"), folder.join("sig")).unwrap();
        })
    };
    let pack = |out: &str| {
        let args = ["pack", "tree", "--to", "acme", "-o", out, "--sign-with", "stick"];
        Ran::of(
            desk.command("north")
                .env("PATH", &path)
                .env("CONSIGN_IDENTITY_DATA", "AGE-SECRET")
                .args(args)
                .output()
                .unwrap(),
        )
    };
    let hand = give(&desk, 1);
    pack("b.consign").ok();
    hand.join().unwrap();
    let line = format!("sk-ssh-ed25519@openssh.com {}", STANDARD.encode(&blob));
    desk.write("stick.pub", &line);
    assert!(judged(&desk, "b.consign", 0, &line));
    desk.run("acme", "verify --signer stick.pub b.consign").ok().says("security key, touched");
    assert!(read(&desk, "bin/args").starts_with("-q -Y sign -n consign-bundle-v1 -f "), "{}", read(&desk, "bin/args"));
    let env = read(&desk, "bin/env");
    assert!(!env.contains("AGE-SECRET") && !env.contains("CONSIGN_PASSPHRASE"), "{env}");
    let before = state(&desk);
    let hand = give(&desk, 0);
    pack("c.consign").fails(1, "bad-device").says("not touched");
    hand.join().unwrap();
    assert_eq!(state(&desk), before);
}
