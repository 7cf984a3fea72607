//! Age plugins: the two conversations of the C2SP age-plugin protocol, `recipient-v1` and `identity-v1`. What starts a
//! program, and whether it may be, is behind [`Plugins`]. The `age` crate has these conversations too, but starts
//! programs by itself, whichever a key names, with all of the environment, and waits for ever.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Error, PluginFault, Result, Secret};

/// How many bytes of a stanza's body are on a line.
const COLUMNS: usize = 64;
/// The largest body of a stanza that is taken, in its base64.
const BODY_MAX: usize = 64 << 10;
/// How many commands a plugin may send in one conversation.
const COMMANDS_MAX: usize = 200;
/// How much of a plugin's words is shown, in characters.
const WORDS_MAX: usize = 400;

/// Whoever starts plugins, and asks the person for them. Nothing else starts one.
pub trait Plugins: Send + Sync {
    /// Checks that a plugin may be run and is there. Starts nothing.
    ///
    /// # Errors
    /// [`PluginFault::NotAllowed`], [`PluginFault::Missing`].
    fn ready(&self, name: &str) -> Result<()>;

    /// Starts a plugin for one conversation.
    ///
    /// # Errors
    /// Those of [`Plugins::ready`]; what the system says.
    fn start(&self, name: &str, machine: &'static str) -> Result<Box<dyn Talk>>;

    /// Shows what a plugin has to say.
    fn show(&self, name: &str, text: &str);

    /// Asks for a PIN or a passphrase; what is typed isn't shown.
    ///
    /// # Errors
    /// When nobody can be asked, or nobody answers.
    fn secret(&self, name: &str, question: &str) -> Result<Secret>;

    /// Asks for something that is no secret.
    ///
    /// # Errors
    /// When nobody can be asked, or nobody answers.
    fn line(&self, name: &str, question: &str) -> Result<String>;

    /// Asks whether to do the first of two things, of which the second may have no name.
    ///
    /// # Errors
    /// When nobody can be asked, or nobody answers.
    fn confirm(&self, name: &str, question: &str, yes: &str, no: Option<&str>) -> Result<bool>;
}

/// A plugin that was started.
pub trait Talk {
    /// Says something to it.
    fn say(&mut self, text: Secret);

    /// Its next line, without the line end.
    ///
    /// # Errors
    /// Why there is none.
    fn line(&mut self) -> Result<Secret>;
}

/// The plugin's half of a key: which plugin, and the text that only it understands.
#[derive(Clone)]
pub struct PluginRecipient {
    name: String,
    text: String,
    plugins: Option<Arc<dyn Plugins>>,
}

impl PluginRecipient {
    /// `age1NAME1…`; none for any other text.
    pub(super) fn parse(text: &str) -> Option<PluginRecipient> {
        let lower = if text.bytes().any(|b| b.is_ascii_lowercase()) { text.to_owned() } else { text.to_lowercase() };
        let known: age::plugin::Recipient = lower.parse().ok()?;
        let name = known.plugin().to_owned();
        is_name(&name).then_some(PluginRecipient { name, text: lower, plugins: None })
    }

    /// The plugin's name, without `age-plugin-`.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.name
    }

    /// The recipient string.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, for whom `plugins` runs what it needs.
    pub(super) fn with(mut self, plugins: &Arc<dyn Plugins>) -> PluginRecipient {
        self.plugins = Some(Arc::clone(plugins));
        self
    }

    fn wrap(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>)> {
        let mut chat = Chat::begin(self.plugins.as_ref(), &self.name, "recipient-v1")?;
        chat.say("add-recipient", &[&self.text], &[]);
        chat.say("wrap-file-key", &[], file_key.expose_secret());
        chat.say("extension-labels", &[], &[]);
        chat.say("done", &[], &[]);
        let (mut stanzas, mut labels, mut said) = (Vec::new(), HashSet::new(), None);
        while let Some(heard) = chat.hear()? {
            match (heard.tag.as_str(), heard.args.as_slice()) {
                ("recipient-stanza", [_, tag, ..]) if tag == "scrypt" => {
                    return Err(chat.nonsense("it locks by a passphrase"));
                }
                ("recipient-stanza", [file, tag, args @ ..]) if file == "0" => {
                    let (tag, args) = (tag.clone(), args.to_vec());
                    stanzas.push(Stanza { tag, args, body: heard.body.expose().to_vec() });
                    chat.ok();
                }
                ("recipient-stanza", _) => return Err(chat.nonsense("a stanza for a file that it was not given")),
                ("labels", list) => {
                    labels.extend(list.iter().cloned());
                    chat.ok();
                }
                ("error", _) => {
                    said.get_or_insert(words(&heard.body));
                    chat.ok();
                }
                _ => chat.answer(&heard)?,
            }
        }
        match said {
            Some(said) => Err(PluginFault::CanNotLock { name: self.name.clone(), said }.into()),
            None if stanzas.is_empty() => Err(chat.nonsense("it gave neither a stanza nor an error")),
            None => Ok((stanzas, labels)),
        }
    }
}

impl age::Recipient for PluginRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        self.wrap(file_key).map_err(|e| EncryptError::Io(io::Error::other(e)))
    }
}

/// `AGE-PLUGIN-NAME-1…`: a key that only the plugin can use.
pub(super) struct PluginIdentity {
    pub(super) name: String,
    text: Secret,
    plugins: Option<Arc<dyn Plugins>>,
}

impl PluginIdentity {
    /// None for any other text.
    pub(super) fn parse(text: &str, plugins: Option<Arc<dyn Plugins>>) -> Option<PluginIdentity> {
        let known: age::plugin::Identity = text.parse().ok()?;
        let name = known.plugin().to_owned();
        is_name(&name).then(|| PluginIdentity { name, text: Secret::new(text.as_bytes().to_vec()), plugins })
    }

    fn unwrap(&self, stanzas: &[Stanza]) -> Result<Option<FileKey>> {
        let mut chat = Chat::begin(self.plugins.as_ref(), &self.name, "identity-v1")?;
        chat.say("add-identity", &[self.text.text()?], &[]);
        for stanza in stanzas {
            let args = ["0", &stanza.tag].into_iter().chain(stanza.args.iter().map(String::as_str));
            chat.say("recipient-stanza", &args.collect::<Vec<_>>(), &stanza.body);
        }
        chat.say("done", &[], &[]);
        let (mut key, mut said) = (None, None);
        while let Some(heard) = chat.hear()? {
            match (heard.tag.as_str(), heard.args.as_slice()) {
                ("file-key", [file]) if file == "0" && key.is_none() => {
                    key = Some(file_key(&heard.body).ok_or_else(|| chat.nonsense("a file key of a wrong length"))?);
                    chat.ok();
                }
                ("file-key", _) => return Err(chat.nonsense("a file key that it was not asked for")),
                ("error", _) => {
                    said.get_or_insert(words(&heard.body));
                    chat.ok();
                }
                _ => chat.answer(&heard)?,
            }
        }
        match said {
            Some(said) if key.is_none() => Err(PluginFault::CanNotOpen { name: self.name.clone(), said }.into()),
            _ => Ok(key),
        }
    }
}

impl age::Identity for PluginIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap(stanzas).map_err(|e| DecryptError::Io(io::Error::other(e))).transpose()
    }
}

/// The error of ours that travelled through the `age` crate.
pub(super) fn fault_in(error: io::Error) -> Option<Error> {
    error.downcast::<Error>().ok()
}

fn file_key(body: &Secret) -> Option<FileKey> {
    let bytes: &[u8; 16] = body.expose().try_into().ok()?;
    Some(FileKey::init_with_mut(|key| key.copy_from_slice(bytes)))
}

/// A name that is safe as part of the name of a program.
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// What a plugin says, cut to a length that a person reads.
fn words(body: &Secret) -> String {
    let text = String::from_utf8_lossy(body.expose());
    let text = text.trim();
    match text.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A command of a plugin.
struct Heard {
    tag: String,
    args: Vec<String>,
    body: Secret,
}

/// One conversation.
struct Chat<'a> {
    name: &'a str,
    plugins: &'a dyn Plugins,
    talk: Box<dyn Talk>,
    heard: usize,
}

impl<'a> Chat<'a> {
    fn begin(plugins: Option<&'a Arc<dyn Plugins>>, name: &'a str, machine: &'static str) -> Result<Chat<'a>> {
        let plugins = plugins.ok_or_else(|| PluginFault::NotAllowed { name: name.to_owned(), config: None })?;
        Ok(Chat { name, plugins: &**plugins, talk: plugins.start(name, machine)?, heard: 0 })
    }

    fn nonsense(&self, why: &str) -> Error {
        PluginFault::Nonsense { name: self.name.to_owned(), why: why.to_owned() }.into()
    }

    fn say(&mut self, tag: &str, args: &[&str], body: &[u8]) {
        // A third more for base64, and an end for each line: the secret is never moved to a larger place.
        let room = 16 + tag.len() + args.iter().map(|a| a.len() + 1).sum::<usize>() + body.len() * 3 / 2;
        let mut text = Vec::with_capacity(room);
        text.extend_from_slice(b"-> ");
        text.extend_from_slice(tag.as_bytes());
        for arg in args {
            text.push(b' ');
            text.extend_from_slice(arg.as_bytes());
        }
        text.push(b'\n');
        let encoded = Secret::new(STANDARD_NO_PAD.encode(body).into_bytes());
        for line in encoded.expose().chunks(COLUMNS) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        // The last line is always shorter than a full one.
        if encoded.expose().len().is_multiple_of(COLUMNS) {
            text.push(b'\n');
        }
        self.talk.say(Secret::new(text));
    }

    fn ok(&mut self) {
        self.say("ok", &[], &[]);
    }

    /// The next command; none once the plugin is done.
    fn hear(&mut self) -> Result<Option<Heard>> {
        self.heard += 1;
        if self.heard > COMMANDS_MAX {
            return Err(self.nonsense("it never comes to an end"));
        }
        let first = self.talk.line()?;
        let first = first.text().ok().and_then(|line| line.strip_prefix("-> "));
        let Some(first) = first else { return Err(self.nonsense("a line that is no command")) };
        let mut args: Vec<String> = first.split(' ').map(str::to_owned).collect();
        if args.iter().any(|arg| arg.is_empty() || !arg.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(self.nonsense("a command that is malformed"));
        }
        let tag = args.remove(0);
        let body = self.body()?;
        Ok((tag != "done").then_some(Heard { tag, args, body }))
    }

    fn body(&mut self) -> Result<Secret> {
        let mut encoded = Vec::with_capacity(4 * COLUMNS);
        loop {
            let line = self.talk.line()?;
            let line = line.expose();
            encoded.extend_from_slice(line);
            if line.len() > COLUMNS || encoded.len() > BODY_MAX {
                return Err(self.nonsense("a text that is too long"));
            }
            if line.len() < COLUMNS {
                break;
            }
        }
        let encoded = Secret::new(encoded);
        let mut bytes = Vec::with_capacity(encoded.expose().len());
        let decoded = STANDARD_NO_PAD.decode_vec(encoded.expose(), &mut bytes);
        let bytes = Secret::new(bytes);
        decoded.map(|()| bytes).map_err(|_| self.nonsense("a text that is not base64"))
    }

    /// What any plugin may ask in either conversation. What nobody knows is said to be unknown.
    fn answer(&mut self, heard: &Heard) -> Result<()> {
        let (name, text) = (self.name, words(&heard.body));
        match heard.tag.as_str() {
            "msg" => {
                self.plugins.show(name, &text);
                self.ok();
            }
            "confirm" => {
                let mut choices = heard.args.iter().take(2).map(|arg| STANDARD_NO_PAD.decode(arg));
                let yes = choices.next().and_then(std::result::Result::ok);
                let yes = yes.ok_or_else(|| self.nonsense("a question without an answer"))?;
                let no = choices.next().and_then(std::result::Result::ok);
                let (yes, no) = (words(&Secret::new(yes)), no.map(|no| words(&Secret::new(no))));
                let answer = self.plugins.confirm(name, &text, &yes, no.as_deref())?;
                self.say("ok", &[if answer { "yes" } else { "no" }], &[]);
            }
            "request-public" => {
                let line = self.plugins.line(name, &text)?;
                self.say("ok", &[], line.as_bytes());
            }
            "request-secret" => {
                let secret = self.plugins.secret(name, &text)?;
                self.say("ok", &[], secret.expose());
            }
            _ => self.say("unsupported", &[], &[]),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A plugin that says what stands in a script, whatever it hears.
    struct Script {
        lines: Mutex<Vec<String>>,
        said: Arc<Mutex<Vec<u8>>>,
    }

    struct Reader(std::vec::IntoIter<String>, Arc<Mutex<Vec<u8>>>);

    impl Talk for Reader {
        fn say(&mut self, text: Secret) {
            self.1.lock().unwrap().extend_from_slice(text.expose());
        }
        fn line(&mut self) -> Result<Secret> {
            let ended = || PluginFault::Ended { name: "t".into(), how: "end".into(), complaint: String::new() };
            self.0.next().map(|line| Secret::new(line.into_bytes())).ok_or_else(|| ended().into())
        }
    }

    impl Plugins for Script {
        fn ready(&self, _: &str) -> Result<()> {
            Ok(())
        }
        fn start(&self, _: &str, _: &'static str) -> Result<Box<dyn Talk>> {
            let lines = std::mem::take(&mut *self.lines.lock().unwrap());
            Ok(Box::new(Reader(lines.into_iter(), Arc::clone(&self.said))))
        }
        fn show(&self, _: &str, _: &str) {}
        fn secret(&self, _: &str, question: &str) -> Result<Secret> {
            Ok(Secret::new(format!("the answer to {question}").into_bytes()))
        }
        fn line(&self, _: &str, _: &str) -> Result<String> {
            Ok("line".into())
        }
        fn confirm(&self, _: &str, _: &str, yes: &str, no: Option<&str>) -> Result<bool> {
            Ok(yes == "yes" && no.is_none())
        }
    }

    const IDENTITY: &str = "AGE-PLUGIN-T-1QYQSZQGPK7YN8R";

    fn unwrap(script: &str) -> (Result<Option<FileKey>>, String) {
        let said = Arc::default();
        let lines = Mutex::new(script.lines().map(str::to_owned).collect());
        let plugins: Arc<dyn Plugins> = Arc::new(Script { lines, said: Arc::clone(&said) });
        let text = Secret::new(IDENTITY.into());
        let result = PluginIdentity { name: "t".into(), text, plugins: Some(plugins) }.unwrap(&[]);
        let said = String::from_utf8(said.lock().unwrap().clone()).unwrap();
        (result, said)
    }

    #[test]
    fn a_conversation_is_what_the_protocol_says() {
        let secret = "-> request-secret\nUElO\n-> odd 1 2\n\n-> confirm eWVz\n\n";
        let (key, said) = unwrap(&format!("{secret}-> file-key 0\nAAECAwQFBgcICQoLDA0ODw\n-> done\n\n"));
        assert_eq!(key.unwrap().unwrap().expose_secret(), &std::array::from_fn::<u8, 16, _>(|i| i as u8));
        let answer = STANDARD_NO_PAD.encode("the answer to PIN");
        let wanted = format!(
            "-> add-identity {IDENTITY}\n\n-> done\n\n-> ok\n{answer}\n-> unsupported\n\n-> ok yes\n\n-> ok\n\n"
        );
        assert_eq!(said, wanted);
    }

    #[test]
    fn whatever_is_no_conversation_names_the_plugin_and_is_no_key() {
        let long = format!("-> msg\n{}\n", "A".repeat(65));
        let endless = "-> msg\n\n".repeat(COMMANDS_MAX + 1);
        let large = format!("-> msg\n{}\n", format!("{}\n", "A".repeat(64)).repeat(BODY_MAX / 64 + 1));
        for script in [
            "hello\n",
            "->\n",
            "->  x\n",
            "-> \u{1b}[2J\n\n",
            "-> msg\n!!!!\n",
            "-> file-key 0\nAAAA\n",
            "-> file-key 1\nAAECAwQFBgcICQoLDA0ODw\n",
            "-> confirm\n\n",
            &long,
            &endless,
            &large,
        ] {
            let (key, _) = unwrap(script);
            let e = key.err().unwrap();
            assert!(matches!(&e, Error::Plugin(PluginFault::Nonsense { name, .. }) if name == "t"), "{script:?}: {e}");
        }
        assert!(matches!(unwrap("-> msg\n").0.err().unwrap(), Error::Plugin(PluginFault::Ended { .. })));
        assert!(unwrap("-> done\n\n").0.unwrap().is_none());
    }

    #[test]
    fn what_a_plugin_says_against_a_key_is_kept_short() {
        let body: String = STANDARD_NO_PAD.encode("x".repeat(3000));
        let lines: Vec<String> = body.as_bytes().chunks(64).map(|l| String::from_utf8(l.to_vec()).unwrap()).collect();
        let end = if body.len().is_multiple_of(64) { "\n" } else { "" };
        let (key, _) = unwrap(&format!("-> error identity 0\n{}\n{end}-> done\n\n", lines.join("\n")));
        let wanted = format!("{}...", "x".repeat(WORDS_MAX));
        let e = key.err().unwrap();
        assert!(matches!(e, Error::Plugin(PluginFault::CanNotOpen { said, .. }) if said == wanted));
    }

    #[test]
    fn a_plugin_that_nobody_allowed_is_not_started() {
        let text = Secret::new(IDENTITY.into());
        let lonely = PluginIdentity { name: "t".into(), text, plugins: None };
        assert!(matches!(lonely.unwrap(&[]).err().unwrap(), Error::Plugin(PluginFault::NotAllowed { .. })));
    }

    #[test]
    fn names_that_lead_elsewhere_are_no_names_of_plugins() {
        for bad in ["", "..%2f", "a/b", "A", "a b", "ä", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name("yubikey") && is_name("fido2-hmac"));
    }
}
