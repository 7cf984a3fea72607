//! `consign log`: what went out and what came in, and whether that record is whole.

use std::collections::VecDeque;

use consign::exchange::Ledger;
use consign::format::record::Line;
use serde_json::Value;

use super::opening::count;
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Shows the ledger.
pub(crate) fn run(args: &cli::Log, world: &World) -> Result<Report, Failure> {
    let limit = args.limit.unwrap_or(usize::MAX);
    let mut last: VecDeque<Line> = VecDeque::new();
    let mut lines = Ledger::open(&world.home).lines()?;
    for line in lines.by_ref() {
        last.push_back(line?);
        if last.len() > limit {
            last.pop_front();
        }
    }
    let head = lines.head();
    let mut report = Report::new().set("entries", head.entries).set("lines", &last);
    report = report.set("head", (head.entries > 0).then_some(head.head));
    if head.entries == 0 {
        return Ok(report.line("the ledger is empty"));
    }
    for line in &last {
        report = report.line(format!("{:>5}  {}  {}", line.n + 1, line.at.for_people(), told(line)));
    }
    if lines.is_torn() {
        report = report.note("a crash left a torn last line; the next entry takes its place");
    }
    Ok(report)
}

/// To whom, in a row.
fn names(line: &Line) -> String {
    let partners = line.fields.get("partners").and_then(Value::as_array);
    let names: Vec<&str> = partners.into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}

/// One entry in words.
fn told(line: &Line) -> String {
    let text = |key: &str| line.fields.get(key).and_then(Value::as_str).unwrap_or("?");
    match line.event.as_str() {
        event @ ("drop" | "return") => {
            format!("{event} {} sent to {}", text("name"), names(line))
        }
        "waiting" => {
            let awaited = line.fields.get("awaited").and_then(Value::as_array).map_or(0, Vec::len) as u64;
            format!("{} packed for {}; waits for {}", text("name"), names(line), count(awaited, "signature"))
        }
        "signed" => format!("{} of {} signed too, for {}", text("name"), text("partner"), names(line)),
        "received" => {
            let missing = line.fields.get("missing").and_then(Value::as_u64);
            let how = if missing.is_some() { "salvaged" } else { "unpacked" };
            let less = missing.map(|n| format!(", without {}", count(n, "file"))).unwrap_or_default();
            format!("{how} {} from {}{less}", text("name"), text("partner"))
        }
        "accepted" => format!("terms of {} from {} accepted ({})", text("name"), text("partner"), text("how")),
        "partner-added" => format!("partner {} added ({})", text("partner"), text("checked")),
        "agreement-recorded" => {
            format!("{} of {} on record, until {}", text("reference"), text("partner"), text("until"))
        }
        "agreement-withdrawn" => format!("{} of {} withdrawn: {}", text("reference"), text("partner"), text("why")),
        "agreement-offered" => format!("{} offered to {}, signed here", text("reference"), text("partner")),
        "agreement-accepted" => format!("{} of {} accepted, signed here", text("reference"), text("partner")),
        "agreement-countersigned" => format!("{} countersigned by {}", text("reference"), text("partner")),
        "partner-suspended" => format!("partner {} suspended: {}", text("partner"), text("why")),
        "partner-resumed" => format!("partner {} resumed", text("partner")),
        "partner-removed" => format!("partner {} removed", text("partner")),
        "key-made" => "keys made".to_owned(),
        "card-changed" => {
            let number = line.fields.get("number").and_then(Value::as_u64).unwrap_or(0);
            format!("card number {number}: {}", text("why").replace('-', " "))
        }
        "key-copied" => format!("copy of the keys made ({})", text("form")),
        "key-restored" => format!("keys put back from a copy ({})", text("form")),
        "key-imported" => {
            let keys = line.fields.get("keys").and_then(Value::as_array).map_or(0, Vec::len);
            format!("{} imported", count(keys as u64, "key"))
        }
        other => other.to_owned(),
    }
}

/// Follows the chain.
pub(crate) fn verify(_: &cli::LogVerify, world: &World) -> Result<Report, Failure> {
    let verified = Ledger::open(&world.home).verify()?;
    let writer = verified.writer.map(|w| w.to_string());
    let report = Report::new()
        .set("entries", verified.entries)
        .set("writer", &writer)
        .set("head", (verified.entries > 0).then_some(verified.head))
        .set("torn", verified.torn);
    let Some(writer) = writer.filter(|_| verified.entries > 0) else {
        return Err(Failure::new(
            "empty",
            consign::class::Class::Usage,
            "the ledger is empty: there is nothing to verify",
        ));
    };
    let entries = if verified.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", verified.entries) };
    let report = report
        .fact("ledger", format!("{entries} in order, each bound to the one before"))
        .fact("writer", writer)
        .fact("head", verified.head.to_string());
    Ok(if verified.torn {
        report.note("a crash left a torn last line; the next entry takes its place")
    } else {
        report
    })
}
