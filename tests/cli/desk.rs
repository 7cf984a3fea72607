//! The desk: runs the binary for a firm, with a home of its own and nothing of the surroundings.

#![allow(dead_code, unused_imports, reason = "each test crate uses its own part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use crate::tools::{have, members};

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_consign")
}

/// A folder with homes in it. The passphrase of every key is in `pass`.
pub struct Desk {
    pub dir: tempfile::TempDir,
}

/// What a run came to.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
        Ran { code, out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn ok(self) -> Ran {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn fails(self, code: i32, word: &str) -> Ran {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        let told = format!("{}{}", self.out, self.err);
        assert!(told.contains(&format!("[{word}]")), "no [{word}] in: {told}");
        assert!(!told.contains("panicked"), "{told}");
        self
    }

    #[track_caller]
    pub fn fails_with(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// Whether a failure was told: as an error, or in the report of what was checked.
    pub fn is_told(&self) -> bool {
        self.err.starts_with("error[") || self.out.contains("failed") || self.out.contains('[')
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Ran {
        assert!(format!("{}{}", self.out, self.err).contains(text), "no `{text}` in: {}{}", self.out, self.err);
        self
    }
}

impl Desk {
    pub fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pass"), "correct horse\n").unwrap();
        Desk { dir }
    }

    /// Northwind and Acme, with keys, who know each other.
    pub fn with_firms() -> Desk {
        let desk = Desk::new();
        desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
        desk.new_firm("acme", "Acme Dev Oy <ops@acme.example>");
        desk.run("north", "partner add acme.card --unchecked").ok();
        desk.run("acme", "partner add north.card --as northwind --unchecked").ok();
        desk
    }

    pub fn new_firm(&self, firm: &str, name: &str) {
        self.args(firm, &["key", "new", "--name", name]).ok();
        self.run(firm, &format!("card -o {firm}.card")).ok();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn home(&self, firm: &str) -> PathBuf {
        self.path(&format!("home-{firm}"))
    }

    pub fn command(&self, firm: &str) -> Command {
        self.wrap(firm, binary())
    }

    /// Another program in the surroundings of the binary, such as strace.
    pub fn wrap(&self, firm: &str, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TMPDIR", std::env::temp_dir())
            .env("CONSIGN_HOME", self.home(firm))
            .env("CONSIGN_PASSPHRASE_FILE", self.path("pass"))
            .env("CONSIGN_NO_KEYRING", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn args(&self, firm: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(firm).args(args).output().unwrap())
    }

    /// Words are split at spaces.
    pub fn run(&self, firm: &str, line: &str) -> Ran {
        self.args(firm, &line.split(' ').collect::<Vec<_>>())
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A small project in `tree`.
    pub fn tree(&self) {
        self.write("tree/README.md", "hello\n");
        self.write("tree/src/main.c", "int main(void) { return 0; }\n");
        self.write("tree/src/lib.c", "// nothing\n");
    }

    /// Names in a folder, hidden ones too.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.path(folder)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
