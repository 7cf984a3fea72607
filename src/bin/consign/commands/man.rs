//! `consign man`: a page for the program and one for each command, from the same texts as `--help`. The only door to
//! `clap_mangen`.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use consign::class::Class;
use consign::files;

use crate::cli::{self, Cli};
use crate::fault::Failure;
use crate::manual::{self, Page};
use crate::output::Report;
use crate::rulespage;
use crate::world::World;

/// The day on which the manual was last looked through. Fixed, so that pages change only when their text does.
const DATE: &str = "2026-11-24";

/// Writes the pages.
pub(crate) fn run(args: &cli::Man, _: &World) -> Result<Report, Failure> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
    let mut written = Vec::new();
    for (name, page) in pages()? {
        let path = folder.join(name);
        files::write_new(&path, page.as_bytes(), true)?;
        written.push(path.to_string_lossy().into_owned());
    }
    let count = written.len();
    Ok(Report::new().set("pages", written).fact("wrote", format!("{count} pages to {}", folder.display())))
}

fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new("io", Class::Failed, format!("can't {verb} {}: {}", path.display(), error.kind())).at(path)
}

/// All pages: file name and text.
fn pages() -> Result<Vec<(String, String)>, Failure> {
    let mut root = Cli::command().version(manual::VERSION);
    root.build();
    let mut pages = Vec::new();
    collect(&root, "", &mut pages)?;
    pages.push((rulespage::NAME.to_owned(), rulespage::page(DATE)));
    Ok(pages)
}

fn collect(command: &Command, words: &str, pages: &mut Vec<(String, String)>) -> Result<(), Failure> {
    let name = if words.is_empty() { "consign".to_owned() } else { format!("consign-{}", words.replace(' ', "-")) };
    pages.push((format!("{name}.1"), page(command, words, &name)?));
    for inner in command.get_subcommands() {
        collect(inner, format!("{words} {}", inner.get_name()).trim(), pages)?;
    }
    Ok(())
}

fn page(command: &Command, words: &str, name: &str) -> Result<String, Failure> {
    let man = Man::new(command.clone()).title(name.to_uppercase()).date(DATE).manual("consign manual");
    let man = man.source(concat!("consign ", env!("CARGO_PKG_VERSION")));
    let mut bytes = Vec::new();
    let bad = |e: std::io::Error| Failure::new("bug", Class::Failed, format!("a man page can't be made: {e}"));
    man.render_title(&mut bytes).map_err(bad)?;
    man.render_name_section(&mut bytes).map_err(bad)?;
    man.render_synopsis_section(&mut bytes).map_err(bad)?;
    man.render_description_section(&mut bytes).map_err(bad)?;
    man.render_options_section(&mut bytes).map_err(bad)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut bytes).map_err(bad)?;
    }
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if let Some(page) = manual::find(words) {
        sections(page, &mut text);
    }
    see_also(command, name, &mut text);
    Ok(text)
}

/// What clap knows nothing of.
fn sections(page: &Page, out: &mut String) {
    heading("EXIT STATUS", out);
    item("0", "ok", out);
    manual::CODES.iter().for_each(|(class, meaning)| item(&class.code().to_string(), meaning, out));
    item("129, 130, 141, 143", "stopped by a signal, or the reader of a pipe left; nothing is left behind", out);
    heading("ENVIRONMENT", out);
    page.variables.iter().for_each(|(name, what)| item(name, what, out));
    heading("FILES", out);
    manual::FILES.iter().for_each(|(name, what)| item(&format!("$CONSIGN_HOME/{name}"), what, out));
    if page.command.is_empty() {
        heading("CONFIGURATION", out);
        manual::CONFIGURATION.iter().for_each(|(line, what)| item(line, what, out));
    }
    heading("EXAMPLES", out);
    for (line, what) in page.examples {
        item(line, what, out);
    }
}

fn see_also(command: &Command, name: &str, out: &mut String) {
    let mut pages: Vec<String> = command.get_subcommands().map(|c| format!("{name}-{}", c.get_name())).collect();
    if name != "consign" {
        pages.push("consign".to_owned());
    }
    heading("SEE ALSO", out);
    let last = pages.len();
    for (n, page) in pages.iter().enumerate() {
        // Writing to a String can't fail.
        let _unused = writeln!(out, ".BR {} (1){}", roff(page), if n + 1 < last { "," } else { "" });
    }
}

fn heading(text: &str, out: &mut String) {
    let _unused = writeln!(out, ".SH {}", if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() });
}

fn item(what: &str, text: &str, out: &mut String) {
    let _unused = writeln!(out, ".TP\n\\fB{}\\fR\n{}", roff(what), roff(text));
}

/// A text as roff takes it: no escapes, no control lines, hyphens that can be copied.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('~', "\\(ti");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}
