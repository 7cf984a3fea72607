//! The one place where results and errors become text or JSON. Every text is made safe to show here, whatever it came
//! from; lines fit 80 columns; a reader that left is a quiet end, a full disk is an error.

use std::io::{self, Write};

use consign::class::Class;
use consign::files::{self, printable, printable_lines};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::fault::{Failure, not_done};
use crate::world::Voice;

/// The name of what `--json` prints.
const SCHEMA: &str = "consign/1";
const WIDTH: usize = 80;
/// The widest column of labels.
const LABEL_MAX: usize = 40;

/// What a command has to say when it is done.
#[derive(Debug, Default)]
pub(crate) struct Report {
    parts: Vec<Part>,
    raw: Option<Vec<u8>>,
    notes: Vec<String>,
    next: Option<String>,
    fields: Map<String, Value>,
    class: Option<Class>,
    /// It was told already, as a stream.
    told: bool,
}

#[derive(Debug)]
enum Part {
    Line(String),
    Fact { label: String, value: String },
}

/// Takes the items of a list, one after the other.
pub(crate) type Item<'a> = &'a mut dyn FnMut(&Value) -> io::Result<()>;

impl Report {
    /// Nothing yet.
    pub(crate) fn new() -> Report {
        Report::default()
    }

    /// A line of its own.
    #[must_use]
    pub(crate) fn line(mut self, text: impl Into<String>) -> Report {
        self.parts.push(Part::Line(text.into()));
        self
    }

    /// A fact: label and value, in two columns. An empty label goes on with the value above.
    #[must_use]
    pub(crate) fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Report {
        self.parts.push(Part::Fact { label: label.into(), value: value.into() });
        self
    }

    /// A text that goes to standard output as it is; on a terminal it is made safe to show.
    #[must_use]
    pub(crate) fn raw(mut self, bytes: Vec<u8>) -> Report {
        self.raw = Some(bytes);
        self
    }

    /// A remark on standard error.
    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Report {
        self.notes.push(text.into());
        self
    }

    /// Adds everything that another report says.
    #[must_use]
    pub(crate) fn append(mut self, other: Report) -> Report {
        self.parts.extend(other.parts);
        self.notes.extend(other.notes);
        self.fields.extend(other.fields);
        self
    }

    /// What to do next; shown on a terminal only.
    #[must_use]
    pub(crate) fn next(mut self, text: impl Into<String>) -> Report {
        self.next = Some(text.into());
        self
    }

    /// A field of the JSON object.
    #[must_use]
    pub(crate) fn set(mut self, key: &str, value: impl Serialize) -> Report {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// The outcome, when it is not plain success: the exit code of a report that tells of several things.
    #[must_use]
    pub(crate) fn outcome(mut self, class: Class) -> Report {
        self.class = Some(self.class.map_or(class, |have| have.worst(class)));
        self
    }

    /// The report as text, without notes and hints.
    pub(crate) fn text(&self) -> String {
        let headed = matches!(self.parts.first(), Some(Part::Line(_)));
        render(&self.parts, if headed { 2 } else { 0 })
    }

    /// Tells the report as JSON now, with a list at its end whose items are written as `each` gives them.
    ///
    /// # Errors
    /// What `each` returns, and a standard output that takes no more.
    pub(crate) fn stream(
        mut self,
        key: &str,
        command: &str,
        voice: &Voice,
        each: &mut dyn FnMut(Item<'_>) -> Result<(), Failure>,
    ) -> Result<Report, Failure> {
        let mut out: Box<dyn Write> =
            if voice.stdout_is_data { Box::new(io::stderr().lock()) } else { Box::new(io::stdout().lock()) };
        let mut out = io::BufWriter::with_capacity(128 << 10, &mut out);
        let lost = |e: io::Error| Failure::from(consign::bundle::Error::Output(e));
        let object = spell(&self.json(command));
        let open = object.strip_suffix(b"}\n").unwrap_or_default();
        out.write_all(open).and_then(|()| write!(out, ",\"{key}\":[")).map_err(lost)?;
        let mut first = true;
        each(&mut |item| {
            out.write_all(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
            out.write_all(spell(item).trim_ascii_end())
        })?;
        out.write_all(b"]}\n").and_then(|()| out.flush()).map_err(lost)?;
        self.told = true;
        Ok(self)
    }

    fn json(&self, command: &str) -> Value {
        let mut object = Map::new();
        object.insert("schema".into(), SCHEMA.into());
        object.insert("ok".into(), self.class.is_none().into());
        object.insert("command".into(), command.into());
        if let Some(class) = self.class {
            object.insert("code".into(), class.word().into());
        }
        object.insert("exit".into(), self.class.map_or(0, Class::code).into());
        if !self.notes.is_empty() {
            object.insert("notes".into(), json!(self.notes));
        }
        object.extend(self.fields.clone());
        Value::Object(object)
    }
}

/// Facts that follow each other share their columns; `indent` is for facts under a line.
fn render(parts: &[Part], indent: usize) -> String {
    let mut out = String::new();
    for run in parts.chunk_by(|a, b| matches!((a, b), (Part::Fact { .. }, Part::Fact { .. }))) {
        let label = |part: &Part| match part {
            Part::Fact { label, .. } => label.chars().count(),
            Part::Line(_) => 0,
        };
        let width = run.iter().map(label).filter(|len| *len <= LABEL_MAX).max().unwrap_or(0).max(7) + 2;
        for part in run {
            match part {
                Part::Line(text) => out.push_str(&wrapped("", &printable(text), 2)),
                Part::Fact { label, value } => {
                    // One that is too long for the column stands above its value.
                    let end = if label.chars().count() > LABEL_MAX { "\n" } else { "" };
                    let first = format!("{:indent$}{:width$}{end}", "", printable(label));
                    out.push_str(&wrapped(&first, &printable(value), indent + width));
                }
            }
        }
    }
    out
}

/// `first` and `text`, broken between words to fit 80 columns; what follows the first line is indented.
pub(crate) fn wrapped(first: &str, text: &str, indent: usize) -> String {
    let mut out = first.to_owned();
    let mut at = if first.ends_with('\n') { 0 } else { first.chars().count() };
    if at == 0 && !first.is_empty() {
        out.push_str(&" ".repeat(indent));
        at = indent;
    }
    if at + text.chars().count() <= WIDTH {
        return format!("{}\n", format!("{out}{text}").trim_end());
    }
    let mut fresh = true;
    for word in text.split(' ') {
        let len = word.chars().count();
        if !fresh && at + 1 + len > WIDTH {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            (at, fresh) = (indent, true);
        }
        if !fresh {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += len;
        fresh = false;
    }
    out.push('\n');
    out
}

/// Says how a command went, and returns the exit code.
pub(crate) fn finish(result: Result<Report, Failure>, command: &str, voice: &Voice) -> u8 {
    match result {
        Ok(report) => match tell(&report, command, voice) {
            Ok(()) => report.class.map_or(0, Class::code),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Class::Stopped(13).code(),
            Err(e) => complain(&lost(&e, &report, command), command, voice),
        },
        Err(failure) => complain(&failure, command, voice),
    }
}

/// A report that could not be written: what it tells of is done all the same, unless it is all there is.
fn lost(error: &io::Error, report: &Report, command: &str) -> Failure {
    let failure = Failure::stdout(error);
    let changes = [
        "pack",
        "unpack",
        "repair",
        "key new",
        "key passphrase",
        "card",
        "partner add",
        "partner remove",
        "partner agree",
        "partner suspend",
        "partner resume",
        "agree",
        "partner export",
        "man",
    ]
    .contains(&command);
    if !changes || report.raw.is_some() {
        return failure;
    }
    Failure::new("report-lost", Class::Failed, failure.message.clone())
}

fn tell(report: &Report, command: &str, voice: &Voice) -> io::Result<()> {
    if report.told {
        return Ok(());
    }
    if voice.json {
        return put(&spell(&report.json(command)), voice.stdout_is_data);
    }
    put(report.text().as_bytes(), voice.stdout_is_data)?;
    match &report.raw {
        Some(raw) if voice.stdout_is_terminal => put(show(raw).as_bytes(), false)?,
        Some(raw) => put(raw, false)?,
        None => {}
    }
    if !voice.quiet {
        report.notes.iter().for_each(|text| note(text));
        if let Some(next) = report.next.as_ref().filter(|_| voice.stderr_is_terminal) {
            whisper(&wrapped("next: ", &printable(next), 6));
        }
    }
    Ok(())
}

fn complain(failure: &Failure, command: &str, voice: &Voice) -> u8 {
    let code = failure.class.code();
    if code == Class::Stopped(13).code() {
        return code;
    }
    if voice.json {
        let told = put(&spell(&failure.json(command, SCHEMA)), voice.stdout_is_data);
        return if told.is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            Class::Stopped(13).code()
        } else {
            code
        };
    }
    whisper(&complaint(failure, command, voice.verbose));
    code
}

/// An error as text: what happened, the facts, the fix, and what was not done.
fn complaint(failure: &Failure, command: &str, verbose: bool) -> String {
    let not_done = match failure.word {
        "incomplete" => Some("all before that is done"),
        "not-synced" => Some("it is done, but for that"),
        "keys-unsettled" => None,
        "report-lost" => Some("the command itself is done"),
        _ => not_done(command),
    };
    let code = failure.class.code();
    if matches!(failure.class, Class::Stopped(_)) {
        return format!("stopped; {} [{code}]\n", not_done.unwrap_or("nothing was done"));
    }
    let mut out = wrapped(&format!("error[{}]: ", failure.word), &printable(&failure.message), 2);
    let fact = |(label, value): &(String, String)| Part::Fact { label: label.clone(), value: value.clone() };
    out.push_str(&render(&failure.facts.iter().map(fact).collect::<Vec<_>>(), 2));
    let causes = failure.causes.iter().filter(|_| verbose);
    causes.for_each(|cause| out.push_str(&wrapped("  because: ", &printable(cause), 11)));
    for (n, fix) in failure.fix.iter().enumerate() {
        out.push_str(&wrapped(if n == 0 { "  fix: " } else { "       " }, &printable(fix), 7));
    }
    if let Some(not_done) = not_done {
        out.push_str(&format!("{not_done} [{code}]\n"));
    }
    out
}

/// A text for a terminal: lines stay, everything that could fool it is escaped.
fn show(bytes: &[u8]) -> String {
    printable_lines(&String::from_utf8_lossy(bytes))
}

fn put(bytes: &[u8], to_stderr: bool) -> io::Result<()> {
    if to_stderr {
        let mut err = io::stderr().lock();
        return err.write_all(bytes).and_then(|()| err.flush());
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// A remark on standard error.
pub(crate) fn note(text: &str) {
    whisper(&wrapped("note: ", &printable(text), 6));
}

/// Talk on standard error. If nobody can hear it, nothing is lost.
pub(crate) fn whisper(text: &str) {
    let _unused = io::stderr().lock().write_all(text.as_bytes());
}

/// Help and version, on standard output.
pub(crate) fn help(text: &str) -> u8 {
    match put(text.as_bytes(), false) {
        Ok(()) => 0,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Class::Stopped(13).code(),
        Err(e) => complain(&Failure::stdout(&e), "", &Voice::default()),
    }
}

/// One line of JSON. What could fool a terminal is escaped, as JSON allows.
fn spell(value: &Value) -> Vec<u8> {
    struct Escaping;
    impl serde_json::ser::Formatter for Escaping {
        fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
            let mut units = [0; 2];
            for c in text.chars() {
                if (c.is_ascii() && c != '\u{7f}') || printable(c.encode_utf8(&mut [0; 4])).starts_with(c) {
                    out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
                } else {
                    c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
                }
            }
            Ok(())
        }
    }
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Escaping);
    // A value that serde_json made itself can be spelled, and a Vec can be written to.
    let _unused = value.serialize(&mut writer);
    out.push(b'\n');
    out
}

/// Standard output as a stream of data: a bundle, or a file from one.
#[derive(Debug)]
pub(crate) struct Sink {
    /// What was written since the last line end, when each line is made safe for a terminal.
    shown: Option<Vec<u8>>,
}

impl Sink {
    /// For bytes that no terminal should get.
    ///
    /// # Errors
    /// When standard output is a terminal, or closed.
    pub(crate) fn binary(voice: &Voice) -> Result<Sink, Failure> {
        if voice.stdout_is_terminal { Err(Failure::terminal()) } else { Sink::any(voice) }
    }

    /// For a file of any kind: on a terminal, lines of text are made safe to show, and others are refused.
    ///
    /// # Errors
    /// When standard output is closed: all of it would be lost without a word.
    pub(crate) fn any(voice: &Voice) -> Result<Sink, Failure> {
        if files::is_stand_in(io::stdout()) {
            return Err(Failure::new("io", Class::Failed, "standard output is closed"));
        }
        Ok(Sink { shown: voice.stdout_is_terminal.then(Vec::new) })
    }

    fn show(text: &[u8]) -> io::Result<()> {
        let binary = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not text, so it is not shown on a terminal");
        let text = std::str::from_utf8(text).map_err(binary)?;
        put(printable_lines(text).as_bytes(), false)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(pending) = &mut self.shown else { return io::stdout().lock().write(bytes) };
        pending.extend_from_slice(bytes);
        let end = pending.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if pending.len() - end > 1 << 20 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it has lines too long for a terminal"));
        }
        let lines: Vec<u8> = pending.drain(..end).collect();
        Sink::show(&lines)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(pending) = &mut self.shown {
            let rest = std::mem::take(pending);
            Sink::show(&rest)?;
        }
        io::stdout().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_share_their_columns_and_long_values_are_wrapped() {
        let text = Report::new().fact("packed", "a.consign").fact("note", "b ".repeat(60)).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "packed   a.consign");
        assert!(lines.iter().all(|l| l.len() <= 80), "{text}");
        assert!(lines[2].starts_with("         b"));
    }

    #[test]
    fn nothing_from_outside_can_move_the_cursor_or_forge_a_line() {
        let text = Report::new().fact("from", "Evil\u{1b}[2J\nok  all.consign \u{202e}x").text();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        let json = String::from_utf8(spell(&json!({ "a": "\u{202e}\u{7f}\u{e0001}é" }))).unwrap();
        assert_eq!(json, "{\"a\":\"\\u202e\\u007f\\udb40\\udc01é\"}\n");
    }
}
