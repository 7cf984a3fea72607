//! Questions to the person at the terminal: the controlling terminal, so that standard input and output stay free
//! for bundles. Every question has a flag or a variable that answers it without one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use consign::crypto::Secret;

use crate::fault::Failure;
use crate::progress::Asking;
use crate::world::World;

#[cfg(windows)]
const TERMINAL: (&str, &str) = ("CONIN$", "CONOUT$");
#[cfg(not(windows))]
const TERMINAL: (&str, &str) = ("/dev/tty", "/dev/tty");

/// Whether there is a terminal to ask on.
pub(crate) fn has_terminal() -> bool {
    open().is_ok()
}

fn open() -> io::Result<(File, File)> {
    let input = OpenOptions::new().read(true).open(TERMINAL.0)?;
    let output = OpenOptions::new().write(true).open(TERMINAL.1)?;
    Ok((input, output))
}

/// Asks for something that is not shown while it is typed.
///
/// # Errors
/// What the terminal says; a person who gives none.
pub(crate) fn hidden(question: &str) -> io::Result<Secret> {
    let _asking = Asking::begin();
    rpassword::prompt_password(question).map(|text| Secret::new(text.into_bytes()))
}

/// Asks for a line, after showing `context`, which is text that is safe to show.
///
/// # Errors
/// When nobody can be asked; what the terminal says.
pub(crate) fn line(world: &World, context: &str, question: &str) -> Result<String, Failure> {
    if !world.can_ask() {
        return Err(Failure::needs_a_person("a question has to be answered, and there is no terminal to ask on"));
    }
    let asked = spoken(&format!("{context}{question}"));
    asked.map_err(|e| Failure::needs_a_person(format!("the terminal gave no answer: {}", e.kind())))
}

/// Asks for a line, whether or not somebody should be asked.
///
/// # Errors
/// What the terminal says.
pub(crate) fn spoken(question: &str) -> io::Result<String> {
    let _asking = Asking::begin();
    let (input, mut output) = open()?;
    write!(output, "{question}")?;
    output.flush()?;
    let mut answer = String::new();
    BufReader::new(io::Read::take(input, 4096)).read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        // End of input: the line on the terminal is still open.
        writeln!(output)?;
    }
    Ok(answer.trim().to_owned())
}

/// Shows a text, which is safe to show, on the terminal.
///
/// # Errors
/// What the terminal says.
pub(crate) fn tell(world: &World, text: &str) -> Result<(), Failure> {
    let _asking = Asking::begin();
    let told = open().and_then(|(_, mut output)| output.write_all(text.as_bytes()));
    let lost = |e: io::Error| Failure::needs_a_person(format!("the terminal takes nothing: {}", e.kind()));
    if world.can_ask() { told.map_err(lost) } else { Ok(()) }
}

/// Asks a question whose answer is no unless it is clearly yes.
///
/// # Errors
/// Those of [`line`].
pub(crate) fn yes(world: &World, context: &str, question: &str) -> Result<bool, Failure> {
    let answer = line(world, context, &format!("{question} [y/N] "))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}
