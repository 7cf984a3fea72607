//! Findings as annotations of GitHub Actions: a command a line, so nothing of a name may begin another one.

use std::path::Path;

use consign::exchange::finding::{Finding, Findings};
use consign::files::printable;

use super::gate;

/// All findings.
pub(super) fn of(findings: &Findings, tree: &Path) -> String {
    findings.list().map(|finding| line(finding, tree)).collect()
}

fn line(finding: &Finding, tree: &Path) -> String {
    let mut at = format!("file={}", property(&gate::file(finding, tree)));
    if let Some(place) = finding.place {
        at.push_str(&format!(",line={},col={}", place.line, place.column));
    }
    let said = text(&printable(&format!("{}: {}", finding.title, finding.shown)));
    format!("::{} {at},title={}::{said}\n", gate::level(finding.severity), finding.word.word())
}

fn text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(value: &str) -> String {
    let spelled: String = text(value).replace(':', "%3A").replace(',', "%2C");
    // The rest goes to a log, which a terminal may show.
    printable(&spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_begins_another_command() {
        assert_eq!(property("a\r\n::error file=b::x%,"), "a%0D%0A%3A%3Aerror file=b%3A%3Ax%25%2C");
        assert_eq!(text("50%\n"), "50%25%0A");
        assert_eq!(property("\u{1b}[2J"), "\\u{1b}[2J");
    }
}
