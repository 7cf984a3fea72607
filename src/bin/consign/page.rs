//! The page of a paper copy, to be printed: HTML without scripts and without anything from elsewhere, or plain text
//! (FORMAT §8.6.3). The only door to `qrcode`.

use consign::exchange::copies::OnPaper;
use consign::files::printable;
use consign::format::card::SignedCard;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use super::output::wrapped;

/// What stands on the page besides the copy.
pub(crate) struct Heading {
    firm: String,
    card: String,
    key: String,
}

impl Heading {
    /// From the card and the fingerprint of its key.
    pub(crate) fn of(card: &SignedCard, fingerprint: &str, today: &str) -> Heading {
        let (name, contact) = (printable(&card.card.name), printable(&card.card.contact));
        let firm = if contact.is_empty() { name.to_string() } else { format!("{name} <{contact}>") };
        let card = format!("card number {}, copied {today}", card.card.number);
        Heading { firm, card, key: fingerprint.to_owned() }
    }
}

const LOCKED: &str = "Whoever has this page and its passphrase opens everything that was locked to this firm, and signs in \
    its name. The passphrase was chosen when the page was made, and is not on it: keep the two apart.";
const BY_HAND: &str = "Without consign: lines and code are one and the same age file (docs/FORMAT.md, 8.6).";

/// The steps back; the last one is for a page with a code.
fn steps(lines: usize) -> [String; 3] {
    [
        "On a machine without these keys: consign key import --paper".to_owned(),
        format!(
            "Type the {lines} lines; each is checked at once. Small letters will do, O is 0, I and L are 1, spaces do not matter."
        ),
        "Or scan the code, save its text as a file, and: consign key import FILE".to_owned(),
    ]
}

/// The page as text.
pub(crate) fn text(head: &Heading, paper: &OnPaper) -> String {
    let mut out = wrapped("", &format!("Copy of the keys of {}", head.firm), 0);
    out.push_str(&wrapped("", &head.card, 0));
    out.push_str(&wrapped("", &format!("signing key {}", head.key), 0));
    out.push('\n');
    out.push_str(&wrapped("", LOCKED, 0));
    out.push('\n');
    steps(paper.lines.len()).iter().take(2).for_each(|step| out.push_str(&wrapped("- ", step, 2)));
    out.push('\n');
    paper.lines.iter().for_each(|line| {
        out.push_str(line);
        out.push('\n');
    });
    out.push('\n');
    paper.left_out.iter().for_each(|what| out.push_str(&wrapped("", &format!("Not on this page: {what}"), 0)));
    out.push_str(&wrapped("", BY_HAND, 0));
    out
}

const STYLE: &str = "@page { margin: 15mm }
body { font: 10.5pt/1.35 sans-serif; color: #000; background: #fff; max-width: 180mm; margin: 0 auto }
h1 { font-size: 15pt; margin: 0 }
p, ol { margin: 2.5mm 0 }
pre { font: 12pt/1.35 monospace; margin: 4mm 0; white-space: pre }
.code { width: 88mm; height: 88mm; float: right; margin: 0 0 3mm 5mm }
pre, .code { break-inside: avoid; page-break-inside: avoid; clear: both }
code { font-family: monospace; white-space: nowrap }
";

/// The page as HTML; `None` if there is too much for a code.
pub(crate) fn html(head: &Heading, paper: &OnPaper) -> Option<String> {
    let steps: String = steps(paper.lines.len()).iter().map(|step| format!("<li>{}</li>\n", coded(step))).collect();
    let left_out: String =
        paper.left_out.iter().map(|what| format!("<p>Not on this page: {}.</p>\n", escaped(what))).collect();
    Some(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Copy of the keys of {firm}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Copy of the keys of {firm}</h1>\n<p>{card}<br>\nsigning key <code>{key}</code></p>\n\
         <div class=\"code\">{code}</div>\n<p>{LOCKED}</p>\n<ol>\n{steps}</ol>\n{left_out}<p>{BY_HAND}</p>\n\
         <pre>\n{lines}\n</pre>\n</body>\n</html>\n",
        firm = escaped(&head.firm),
        card = escaped(&head.card),
        key = escaped(&head.key),
        code = code(&paper.armour)?,
        lines = paper.lines.join("\n"),
    ))
}

/// What is typed stands in another font.
fn coded(step: &str) -> String {
    match step.split_once("consign ") {
        Some((before, command)) => format!("{}<code>consign {}</code>", escaped(before), escaped(command)),
        None => escaped(step),
    }
}

/// The QR code of a text, as a picture in the page.
fn code(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let picture = code.render::<svg::Color<'_>>().module_dimensions(4, 4).build();
    // A declaration of XML has no place within HTML.
    picture.split_once("?>").map(|(_, svg)| svg.to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> (Heading, OnPaper) {
        let head = Heading {
            firm: "<img onerror=\"x\"> & Sons".to_owned(),
            card: "card number 1, copied 2026-11-24".to_owned(),
            key: "SHA256:abc".to_owned(),
        };
        let lines = consign::format::typed::spell(&[7; 380]).unwrap();
        (head, OnPaper { armour: "-----BEGIN\n".repeat(50), lines, left_out: vec!["the SSH key <x>".to_owned()] })
    }

    #[test]
    fn a_page_takes_nothing_from_elsewhere_and_runs_nothing() {
        let (head, paper) = page();
        let html = html(&head, &paper).unwrap();
        for bad in ["<script", "<img", "href", "src=", "@import", "url(", "http://", "https://", "onerror=\"", "<?xml"]
        {
            let allowed = html.matches("http://www.w3.org/2000/svg").count();
            let found = html.matches(bad).count();
            assert_eq!(found, if bad == "http://" { allowed } else { 0 }, "{bad}");
        }
        assert!(html.contains("&lt;img onerror=&quot;x&quot;&gt; &amp; Sons"));
        assert!(html.contains("the SSH key &lt;x&gt;"));
    }

    #[test]
    fn the_lines_are_read_back_from_either_page() {
        let (head, paper) = page();
        for page in [html(&head, &paper).unwrap(), text(&head, &paper)] {
            assert_eq!(consign::format::typed::read_lines(&page).unwrap(), [7; 380]);
            assert!(page.lines().filter(|l| !l.contains("<svg")).all(|l| l.chars().count() <= 240));
        }
        assert!(text(&head, &paper).lines().all(|line| line.chars().count() <= 80));
    }
}
