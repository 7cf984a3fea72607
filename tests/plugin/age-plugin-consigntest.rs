//! `age-plugin-consigntest`, an age plugin for tests only. Its keys are age's own X25519 keys, and it misbehaves as the
//! key says:
//!
//! `age-plugin-consigntest new MODE` prints an identity file; `new MODE WRAP` one whose recipient misbehaves as WRAP
//! says. If `CONSIGNTEST_LOG` names a file, each run adds a line for its arguments and for each variable it was given.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::time::Duration;

use age::secrecy::ExposeSecret;
use age::{Identity as _, Recipient as _};
use age_core::format::{FileKey, Stanza};
use age_plugin::identity::{self, IdentityPluginV1};
use age_plugin::recipient::{self, RecipientPluginV1};
use age_plugin::{Callbacks, PluginHandler, print_new_identity, run_state_machine};

const NAME: &str = "consigntest";
const PIN: &str = "1234";

/// What a key is made of: how to behave, and the key itself.
struct Payload {
    mode: String,
    key: String,
}

impl Payload {
    fn of(bytes: &[u8]) -> Option<Payload> {
        let (mode, key) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        Some(Payload { mode: mode.to_owned(), key: key.to_owned() })
    }
}

struct Handler;

impl PluginHandler for Handler {
    type RecipientV1 = Recipients;
    type IdentityV1 = Identities;

    fn recipient_v1(self) -> io::Result<Recipients> {
        Ok(Recipients(Vec::new()))
    }

    fn identity_v1(self) -> io::Result<Identities> {
        Ok(Identities(Vec::new()))
    }
}

/// What goes wrong in either conversation.
fn misbehave(mode: &str) {
    let mut out = io::stdout().lock();
    let mut say = |text: &[u8]| out.write_all(text).and_then(|()| out.flush()).is_ok();
    match mode {
        "crash" => {
            eprintln!("reader: no smart card found\u{1b}[2J");
            std::process::exit(3);
        }
        "quiet-crash" => std::process::exit(0),
        "abort" => std::process::abort(),
        "hang" => std::thread::sleep(Duration::from_secs(3600)),
        "nonsense" => drop(say(b"\x1b[2Jhello, I am no plugin\n\n")),
        "endless-line" => while say(&[b'x'; 4096]) {},
        "endless-talk" => while say(b"-> msg\nYWdhaW4\n") {},
        _ => {}
    }
}

struct Recipients(Vec<Payload>);

impl RecipientPluginV1 for Recipients {
    fn add_recipient(&mut self, index: usize, _: &str, bytes: &[u8]) -> Result<(), recipient::Error> {
        let bad = || recipient::Error::Recipient { index, message: "not a key of mine".to_owned() };
        self.0.push(Payload::of(bytes).ok_or_else(bad)?);
        Ok(())
    }

    fn add_identity(&mut self, index: usize, _: &str, _: &[u8]) -> Result<(), recipient::Error> {
        Err(recipient::Error::Identity { index, message: "not a key of mine".to_owned() })
    }

    fn labels(&mut self) -> HashSet<String> {
        let demands = |payload: &&Payload| payload.mode == "label";
        self.0.iter().find(demands).map(|_| "only-its-kind".to_owned()).into_iter().collect()
    }

    fn wrap_file_keys(
        &mut self,
        file_keys: Vec<FileKey>,
        mut callbacks: impl Callbacks<recipient::Error>,
    ) -> io::Result<Result<Vec<Vec<Stanza>>, Vec<recipient::Error>>> {
        let mut all = Vec::new();
        for file_key in &file_keys {
            let mut stanzas = Vec::new();
            for Payload { mode, key } in &self.0 {
                misbehave(mode);
                if mode == "refuse" {
                    let message = "this key can't lock".to_owned();
                    return Ok(Err(vec![recipient::Error::Recipient { index: 0, message }]));
                }
                if mode == "pin" {
                    // Whatever the answer is, this plugin goes on.
                    drop(callbacks.request_secret("PIN to lock")?);
                }
                let to: age::x25519::Recipient = key.parse().map_err(io::Error::other)?;
                let (wrapped, _) = to.wrap_file_key(file_key).map_err(io::Error::other)?;
                let tag = if mode == "passphrase" { "scrypt" } else { NAME };
                stanzas.extend(wrapped.into_iter().map(|stanza| Stanza { tag: tag.to_owned(), ..stanza }));
            }
            all.push(stanzas);
        }
        Ok(Ok(all))
    }
}

struct Identities(Vec<Payload>);

impl IdentityPluginV1 for Identities {
    fn add_identity(&mut self, index: usize, _: &str, bytes: &[u8]) -> Result<(), identity::Error> {
        let bad = || identity::Error::Identity { index, message: "not a key of mine".to_owned() };
        self.0.push(Payload::of(bytes).ok_or_else(bad)?);
        Ok(())
    }

    fn unwrap_file_keys(
        &mut self,
        files: Vec<Vec<Stanza>>,
        mut callbacks: impl Callbacks<identity::Error>,
    ) -> io::Result<HashMap<usize, Result<FileKey, Vec<identity::Error>>>> {
        let mut opened = HashMap::new();
        for (file, stanzas) in files.into_iter().enumerate() {
            let mine: Vec<Stanza> = stanzas.into_iter().filter(|s| s.tag == NAME).collect();
            if mine.is_empty() {
                continue;
            }
            for (index, payload) in self.0.iter().enumerate() {
                if let Err(message) = answer(payload, &mut callbacks)? {
                    opened.insert(file, Err(vec![identity::Error::Identity { index, message }]));
                } else if let Some(key) = unwrap(payload, &mine) {
                    opened.insert(file, Ok(key));
                }
            }
        }
        Ok(opened)
    }
}

/// What it takes before a key opens anything; else what the plugin says against it.
fn answer(payload: &Payload, callbacks: &mut impl Callbacks<identity::Error>) -> io::Result<Result<(), String>> {
    misbehave(&payload.mode);
    Ok(match payload.mode.as_str() {
        "pin" => match callbacks.request_secret("Enter PIN for key 2f41")? {
            Ok(pin) if pin.expose_secret() == PIN => Ok(()),
            Ok(_) => Err("Invalid PIN, 2 tries left".to_owned()),
            Err(_) => Err("A PIN is required".to_owned()),
        },
        "touch" => callbacks.message("touch your YubiKey\u{1b}[2J")?.map_err(|e| e.to_string()).map(|()| {
            std::thread::sleep(Duration::from_millis(200));
        }),
        "slow" => {
            std::thread::sleep(Duration::from_millis(5500));
            Ok(())
        }
        "confirm" => match callbacks.confirm("Use key 2f41?", "use it", Some("leave it"))? {
            Ok(true) => Ok(()),
            _ => Err("You did not want to".to_owned()),
        },
        "unplugged" => Err("Could not find key 2f41: plug it in".to_owned()),
        "long-words" => Err("x\u{1b}[31m".repeat(20_000)),
        _ => Ok(()),
    })
}

fn unwrap(payload: &Payload, stanzas: &[Stanza]) -> Option<FileKey> {
    if payload.mode == "wrong-key" {
        return Some(FileKey::init_with_mut(|key| key.fill(7)));
    }
    let identity: age::x25519::Identity = payload.key.parse().ok()?;
    stanzas.iter().find_map(|s| {
        let (args, body) = (s.args.clone(), s.body.clone());
        identity.unwrap_stanza(&Stanza { tag: "X25519".to_owned(), args, body })?.ok()
    })
}

/// Leaves a trace of this run.
fn log(arguments: &[String]) {
    let Some(path) = std::env::var_os("CONSIGNTEST_LOG") else { return };
    let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(log, "ran {arguments:?}").unwrap();
    for (name, value) in std::env::vars_os() {
        writeln!(log, "{}={}", name.display(), value.display()).unwrap();
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    log(&arguments);
    match arguments.get(1).map(String::as_str) {
        Some("new") => {
            let mode = arguments.get(2).map_or("plain", String::as_str);
            let wrap = arguments.get(3).map_or("plain", String::as_str);
            let key = age::x25519::Identity::generate();
            let recipient = format!("{wrap} {}", key.to_public());
            let identity = format!("{mode} {}", key.to_string().expose_secret());
            print_new_identity(NAME, identity.as_bytes(), recipient.as_bytes());
            Ok(())
        }
        Some(machine) => run_state_machine(machine.trim_start_matches("--age-plugin="), Handler),
        None => Err(io::Error::other("this is an age plugin for tests")),
    }
}
