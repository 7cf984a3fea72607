//! A session of its own: a private bus, and on it a real Secret Service, a locked one, one that never answers, or none.
//! Nothing of the surroundings takes part: no service is started by the bus itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ran, binary};

/// The tools of Debian's `dbus`, `dbus-tests`, `gnome-keyring`, `libsecret-tools` and `bsdutils`.
pub const TOOLS: [&str; 6] =
    ["dbus-daemon", "dbus-send", "dbus-test-tool", "gnome-keyring-daemon", "secret-tool", "script"];

/// A bus that starts nothing by itself.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=DIR</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// The passphrase of the keys at this desk, which is typed.
pub const WORD: &str = "correct horse";

/// A desk with a bus.
pub struct Session {
    pub desk: Desk,
    address: String,
    bus: Child,
    service: Option<Child>,
    prompter: Option<Child>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_service();
        end(&mut self.prompter);
        let _unused = self.bus.kill();
        let _unused = self.bus.wait();
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _unused = child.kill();
        let _unused = child.wait();
    }
}

/// Waits for something that a child brings about.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited for {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

impl Session {
    /// A bus without a Secret Service.
    pub fn new() -> Session {
        let desk = Desk::new();
        let folder = desk.dir.path().display().to_string();
        let config = desk.write("bus.conf", BUS.replace("DIR", &folder));
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg(format!("--config-file={}", config.display())).args(["--nofork", "--print-address=1"]);
        let mut bus = daemon.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Session { desk, address: address.trim().to_owned(), bus, service: None, prompter: None }
    }

    /// A bus with a Secret Service that is unlocked.
    pub fn with_keyring() -> Session {
        let mut session = Session::new();
        session.start_keyring();
        session
    }

    /// A tool on this bus.
    pub fn tool(&self, program: &str) -> Command {
        let mut tool = self.desk.wrap("nobody", program);
        tool.env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("HOME", self.desk.path("keyring-home"))
            .env("XDG_RUNTIME_DIR", self.desk.path("keyring-home"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        tool
    }

    fn said(&self, program: &str, args: &[&str]) -> String {
        let output = self.tool(program).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn is_owned(&self, name: &str) -> bool {
        let to = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"];
        let name = format!("string:{name}");
        let asked = [&to[..], &["org.freedesktop.DBus.NameHasOwner", &name]].concat();
        self.said("dbus-send", &asked).contains("boolean true")
    }

    /// Starts the service, or starts it again; it unlocks itself.
    pub fn start_keyring(&mut self) {
        fs::create_dir_all(self.desk.path("keyring-home")).unwrap();
        let mut daemon = self.tool("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]).stdin(Stdio::piped());
        let mut daemon = daemon.spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(b"password of the login").unwrap();
        self.service = Some(daemon);
        until("the keyring", || self.is_owned("org.freedesktop.secrets") && self.default_collection().is_some());
    }

    fn service_call(&self, method: &str, argument: &str) -> String {
        let to = ["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"];
        let method = format!("org.freedesktop.Secret.Service.{method}");
        self.said("dbus-send", &[&to[..], &[&method, argument]].concat())
    }

    fn default_collection(&self) -> Option<String> {
        let said = self.service_call("ReadAlias", "string:default");
        said.split('"').nth(1).filter(|path| path.len() > 1).map(str::to_owned)
    }

    /// Locks what the service holds. Nobody is there to unlock it.
    pub fn lock_keyring(&self) {
        let path = self.default_collection().unwrap();
        self.service_call("Lock", &format!("array:objpath:{path}"));
    }

    /// Ends the service.
    pub fn end_service(&mut self) {
        end(&mut self.service);
    }

    /// Something that owns the service's name and never answers.
    pub fn black_hole(&mut self) {
        self.service = Some(self.hole("org.freedesktop.secrets"));
    }

    /// Something in place of the window that asks for the keyring's password, which never answers.
    pub fn silent_prompt(&mut self) {
        self.prompter = Some(self.hole("org.gnome.keyring.SystemPrompter"));
    }

    fn hole(&self, name: &str) -> Child {
        let hole = self.tool("dbus-test-tool").args(["black-hole", "--session", &format!("--name={name}")]).spawn();
        until(name, || self.is_owned(name));
        hole.unwrap()
    }

    /// Name and secret of what the keyring holds for consign.
    pub fn held(&self) -> Vec<(String, String)> {
        let said = self.said("secret-tool", &["search", "--all", "service", "consign"]);
        let of = |key: &str| -> Vec<String> {
            said.lines()
                .filter_map(|line| line.strip_prefix(key).map(|v| v.trim_start_matches(" = ").to_owned()))
                .collect()
        };
        of("attribute.username").into_iter().zip(of("secret")).collect()
    }

    /// Puts another secret in place of the one the keyring holds.
    pub fn replace_secret(&self, name: &str, secret: &str) {
        let mut tool = self.tool("secret-tool");
        tool.args(["store", "--label=x", "service", "consign", "username", name]).stdin(Stdio::piped());
        let mut tool = tool.spawn().unwrap();
        tool.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        assert!(tool.wait().unwrap().success());
    }

    /// Removes what the keyring holds for consign.
    pub fn clear(&self) {
        assert!(self.tool("secret-tool").args(["clear", "service", "consign"]).status().unwrap().success());
    }

    /// The program on this bus, without a passphrase, and with the keyring.
    pub fn command(&self, firm: &str) -> Command {
        let mut command = self.desk.command(firm);
        self.on_bus(&mut command);
        command
    }

    fn on_bus(&self, command: &mut Command) {
        command.env_remove("CONSIGN_PASSPHRASE_FILE").env_remove("CONSIGN_NO_KEYRING");
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
    }

    /// Runs the program where nobody can be asked, and says how long it took.
    pub fn alone(&self, firm: &str, line: &str) -> (Ran, Duration) {
        let begun = Instant::now();
        let ran = Ran::of(self.command(firm).args(line.split(' ')).arg("--no-input").output().unwrap());
        (ran, begun.elapsed())
    }

    /// Runs a line of the shell on a terminal, on which each answer is typed when something asks for it.
    pub fn typed(&self, firm: &str, line: &str, answers: &[&str]) -> Ran {
        let mut script = self.desk.wrap(firm, "script");
        self.on_bus(&mut script);
        script.args(["-q", "-e", "-c", &line.replacen("consign ", &format!("{} ", binary()), 1), "/dev/null"]);
        script.env("SHELL", "/bin/sh").env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.stderr(Stdio::null()).process_group(0).spawn().unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, hear) = mpsc::channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut some) {
                let _unused = tell.send(some[..n].to_vec());
            }
        });
        let (mut shown, mut seen, mut answers) = (Vec::new(), 0, answers.iter());
        let begun = Instant::now();
        loop {
            match hear.recv_timeout(Duration::from_millis(150)) {
                Ok(more) => shown.extend(more),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) if shown[seen..].ends_with(b": ") => {
                    let Some(answer) = answers.next() else {
                        let _unused = child.kill();
                        unreachable!("asked once more than expected: {}", String::from_utf8_lossy(&shown));
                    };
                    input.write_all(format!("{answer}\n").as_bytes()).unwrap();
                    seen = shown.len();
                }
                Err(_) => assert!(begun.elapsed() < Duration::from_secs(40), "{}", String::from_utf8_lossy(&shown)),
            }
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        assert_eq!(answers.len(), 0, "never asked for: {}", String::from_utf8_lossy(&shown));
        Ran { code, out: String::from_utf8_lossy(&shown).replace('\r', ""), err: String::new() }
    }

    /// A new firm whose passphrase is typed, twice.
    pub fn new_firm(&self, firm: &str) -> Ran {
        let made = self.typed(firm, &format!("consign key new --name {firm} --json"), &[WORD, WORD]);
        self.desk.run(firm, &format!("card -o {firm}.card"));
        made.ok()
    }

    /// Firms `north` and `acme`, who know each other, and a bundle `b.consign` for acme.
    pub fn with_bundle(self) -> Session {
        self.new_firm("acme").says(r#""keyring":"kept""#);
        self.desk.new_firm("north", "north");
        self.desk.run("north", "partner add acme.card --unchecked").ok();
        self.desk.run("acme", "partner add north.card --unchecked").ok();
        self.desk.tree();
        self.desk.run("north", "pack tree --to acme -o b.consign").ok();
        self
    }
}
