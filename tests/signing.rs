//! Signing as people do: keys in files, in a real ssh-agent and behind ssh-keygen, certificates, four eyes on one machine
//! and on two. The judge of every signature is the stock `ssh-keygen -Y verify`. There is no security key at hand: where
//! one signs, the test makes the bytes that such a key makes.

#[path = "signing/agents.rs"]
mod agents;
#[path = "cli/desk.rs"]
mod desk;
#[path = "signing/keys.rs"]
mod keys;
#[path = "support/tools.rs"]
mod tools;
#[path = "signing/waiting.rs"]
mod waiting;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use desk::Desk;

/// Runs a stock tool that must do well, and returns what it said.
fn stock(desk: &Desk, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(desk.dir.path()).env("SSH_AUTH_SOCK", desk.path("agent")).stdin(Stdio::null());
    let out = command.output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A key pair: the files `name` and `name.pub`.
fn key(desk: &Desk, name: &str, kind: &str, bits: &str, passphrase: &str) {
    let bits: &[&str] = if bits.is_empty() { &[] } else { &["-b", bits] };
    let args = [&["-q", "-t", kind, "-N", passphrase, "-C", name, "-f", name], bits].concat();
    stock(desk, "ssh-keygen", &args);
}

/// Whether `ssh-keygen` takes the k-th signature of a bundle as one by this line's key.
fn judged(desk: &Desk, bundle: &str, k: usize, line: &str) -> bool {
    let bytes = fs::read(desk.path(bundle)).unwrap();
    let member = |name: &str| {
        let (_, at, size) = tools::members(&bytes).into_iter().find(|(n, _, _)| n == name).unwrap();
        bytes[at..at + size].to_vec()
    };
    let name = if k == 0 { "envelope.json.sig".to_owned() } else { format!("envelope.json.{k}.sig") };
    desk.write("judge/envelope", member("envelope.json"));
    desk.write("judge/sig", member(&name));
    desk.write("judge/allowed", format!("x {}\n", line.trim()));
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "verify", "-f", "allowed", "-I", "x", "-n", "consign-bundle-v1", "-s", "sig"]);
    command.current_dir(desk.path("judge")).stdin(fs::File::open(desk.path("judge/envelope")).unwrap());
    command.output().unwrap().status.success()
}

fn read(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(name)).unwrap()
}

/// A real ssh-agent at `agent`, which ends with the test.
struct Agent(Child);

impl Agent {
    fn start(desk: &Desk) -> Agent {
        let socket = desk.path("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Agent(command.spawn().unwrap());
        wait_for(&socket);
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _unused = self.0.kill();
        let _unused = self.0.wait();
    }
}

fn wait_for(path: &Path) {
    for _ in 0..400 {
        if path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("{} did not appear", path.display());
}

/// Packs `tree` for acme with SSH_AUTH_SOCK set.
fn pack_with(desk: &Desk, more: &[&str]) -> desk::Ran {
    let args = [&["pack", "tree", "--to", "acme"], more].concat();
    desk::Ran::of(desk.command("north").env("SSH_AUTH_SOCK", desk.path("agent")).args(args).output().unwrap())
}
