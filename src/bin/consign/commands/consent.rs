//! The terms of a bundle, shown and accepted before any of its contents are: by a flag, by what is on record, or by an
//! answer on the terminal.

use std::path::Path;

use consign::bundle::Revealed;
use consign::exchange::receive;
use consign::files::{printable, printable_lines};
use consign::format::terms::TermsId;
use consign::policy::{Acceptance, How, Offer, Refusal, Stated};
use serde_json::{Value, json};

use super::opening::count;
use crate::accepting::{Accepting, Answer};
use crate::fault::Failure;
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// How wide a page is, and how many lines it has on paper and on a terminal.
const WIDTH: usize = 80;
const PAPER: usize = 60;
const SCREEN: usize = 22;

/// What was accepted, and what is told of it.
pub(crate) struct Consent {
    /// The proof.
    pub(crate) accepted: Acceptance,
    offer: Offer,
    shown: bool,
}

/// Has the terms of a bundle accepted. `target` is where it will be unpacked, which says where its terms will lie.
///
/// # Errors
/// Terms that were not accepted, or that nobody could be asked about.
pub(crate) fn obtain(
    args: &Accepting,
    revealed: &Revealed,
    target: Option<&Path>,
    world: &World,
) -> Result<Consent, Failure> {
    let offer = receive::offer(revealed);
    let from = revealed.trusted().sender();
    let decided = decide(args, &offer, world, revealed)?;
    let (accepted, shown) = match decided {
        Some(accepted) => (accepted, false),
        None => (ask(&offer, from, target, world)?, true),
    };
    Ok(Consent { accepted, offer, shown })
}

/// What needs no question.
fn decide(args: &Accepting, offer: &Offer, world: &World, revealed: &Revealed) -> Result<Option<Acceptance>, Failure> {
    let ids: Vec<TermsId> = args
        .accept_terms
        .iter()
        .filter_map(|answer| if let Answer::Id(id) = answer { Some(*id) } else { None })
        .collect();
    match (args.accept_terms.len(), ids.len()) {
        (0, _) => {}
        (_, 0) => return Ok(Some(offer.by_word())),
        (all, some) if all == some => return offer.by_ids(&ids).map(Some).map_err(|e| differ(e.into(), offer)),
        _ => return Err(Failure::usage("--accept-terms takes whatever it says, and =HASH only that: choose one")),
    }
    let nothing = offer.nothing();
    Ok(nothing.or_else(|| offer.by_record(&receive::accepted_before(&world.home, revealed))))
}

fn differ(refusal: Refusal, offer: &Offer) -> Failure {
    let failure = Failure::from(refusal);
    told(offer)
        .into_iter()
        .fold(failure, |failure, (label, value)| failure.fact(label, value))
        .set("stated", json(offer))
}

/// Asks on the terminal.
fn ask(offer: &Offer, from: &str, target: Option<&Path>, world: &World) -> Result<Acceptance, Failure> {
    let facts = told(offer);
    if !world.can_ask() {
        return Err(needed(offer, &facts));
    }
    let facts = facts
        .iter()
        .fold(Report::new().fact("from", from), |report, (label, value)| report.fact(label.as_str(), value.as_str()));
    let rows = rows(offer);
    let question = format!("accept these terms ({})? [y/N{}] ", where_and_how_long(offer, &rows, target), show(&rows));
    let mut context = facts.text();
    loop {
        let answer = prompt::line(world, &context, &question)?.to_lowercase();
        if !matches!(answer.as_str(), "s" | "show") || rows.is_empty() {
            let yes = matches!(answer.as_str(), "y" | "yes");
            return offer.by_person(yes).map_err(|e| Failure::from(Refusal::from(e)));
        }
        page(world, &rows)?;
        context.clear();
    }
}

fn show(rows: &[String]) -> &'static str {
    if rows.is_empty() { "" } else { "/show" }
}

/// Shows a text a screen at a time. Every line of it is safe for a terminal.
fn page(world: &World, rows: &[String]) -> Result<(), Failure> {
    let screens = rows.len().div_ceil(SCREEN);
    for (n, screen) in rows.chunks(SCREEN).enumerate() {
        let text = screen.join("\n") + "\n";
        if n + 1 == screens {
            return prompt::tell(world, &text);
        }
        let more = format!("--- {} of {screens}; Enter for more, q to stop: ", n + 1);
        if prompt::line(world, &text, &more)?.eq_ignore_ascii_case("q") {
            return Ok(());
        }
    }
    Ok(())
}

/// That nobody can be asked: the terms, and what accepts them.
fn needed(offer: &Offer, facts: &[(String, String)]) -> Failure {
    let failure = Failure::from(Refusal::from(offer.needed()));
    let failure = facts.iter().fold(failure, |failure, (label, value)| failure.fact(label.as_str(), value.as_str()));
    let ids: Vec<String> = offer.ids().iter().map(|id| format!("--accept-terms={id}")).collect();
    failure
        .fix("read them: on a terminal (answer `show`), or as `stated` in what --json says")
        .fix(format!("then, for exactly these: {}", ids.join(" ")))
        .fix("or for whatever it says: --accept-terms")
        .set("stated", json(offer))
}

/// All texts, escaped and broken at the width of a page.
fn rows(offer: &Offer) -> Vec<String> {
    let mut rows = Vec::new();
    for stated in offer.stated().iter().filter(|stated| !stated.terms.text.is_empty()) {
        if offer.stated().len() > 1 {
            rows.push(format!("--- {} ---", parts(stated)));
        }
        rows.extend(broken(&stated.terms.text));
    }
    rows
}

fn broken(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for line in printable_lines(text).trim_end_matches('\n').split('\n') {
        let chars: Vec<char> = line.chars().collect();
        if chars.is_empty() {
            rows.push(String::new());
        }
        rows.extend(chars.chunks(WIDTH).map(|row| row.iter().collect::<String>()));
    }
    rows
}

fn parts(stated: &Stated) -> String {
    let numbers: Vec<String> = stated.compartments.iter().map(u64::to_string).collect();
    format!("part {}", numbers.join(", "))
}

fn where_and_how_long(offer: &Offer, rows: &[String], target: Option<&Path>) -> String {
    if rows.is_empty() {
        return count(offer.stated().len() as u64, "statement");
    }
    let pages = count(rows.len().div_ceil(PAPER) as u64, "page");
    match target {
        Some(target) => {
            let path = receive::terms_path(target);
            let name = path.file_name().map(|name| printable(&name.to_string_lossy())).unwrap_or_default();
            format!("{name}, {pages}")
        }
        None => pages,
    }
}

/// The terms as facts: what PRODUCT's transcript shows, and then what is stated besides.
fn told(offer: &Offer) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for stated in offer.stated() {
        let terms = &stated.terms;
        let first = [terms.agreement.as_deref().unwrap_or_default(), &terms.title];
        let first: Vec<&str> = first.into_iter().filter(|text| !text.is_empty()).collect();
        let part = if offer.stated().len() > 1 { format!("{}: ", parts(stated)) } else { String::new() };
        let first = if first.is_empty() { "as follows".to_owned() } else { first.join("; ") };
        facts.push(("terms".to_owned(), format!("{part}{first}")));
        let others = [("owner", &terms.owner), ("licence", &terms.licence), ("class", &terms.class)];
        for (label, value) in others.into_iter().filter(|(_, value)| !value.is_empty()) {
            facts.push((label.to_owned(), value.clone()));
        }
        if !terms.text.is_empty() {
            let lines = count(terms.text.lines().count() as u64, "line");
            let pages = count(broken(&terms.text).len().div_ceil(PAPER) as u64, "page");
            facts.push(("text".to_owned(), format!("{lines}, {pages}")));
        }
        facts.push(("terms id".to_owned(), stated.id.to_string()));
    }
    facts
}

fn json(offer: &Offer) -> Value {
    let one = |stated: &Stated| {
        let terms = &stated.terms;
        json!({ "id": stated.id, "compartments": stated.compartments, "title": terms.title, "owner": terms.owner,
            "licence": terms.licence, "class": terms.class, "agreement": terms.agreement, "text": terms.text })
    };
    offer.stated().iter().map(one).collect()
}

impl Consent {
    /// Tells of the terms: what they are, unless a person was just shown them, and how they were accepted.
    pub(crate) fn tell(&self, report: Report) -> Report {
        let Some(how) = self.accepted.how() else { return report.set("accepted", Value::Null) };
        let facts = if self.shown { Vec::new() } else { told(&self.offer) };
        let report = facts.into_iter().fold(report, |report, (label, value)| report.fact(label, value));
        let said = match how {
            How::Asked => "the terms, as you answered",
            How::Before => "the terms, as you did before: they are the same, word for word",
            How::Ids => "the terms, by --accept-terms=HASH",
            How::Word => "the terms, by --accept-terms",
        };
        let accepted = json!({ "how": how.word(), "ids": self.accepted.ids() });
        report.fact("accepted", said).set("accepted", accepted).set("stated", json(&self.offer))
    }
}
