//! Findings as SARIF 2.1.0, for code scanning.

use std::path::Path;

use consign::exchange::finding::{Finding, Findings, Word};
use serde_json::{Value, json};

use super::gate;

/// All findings. `ruleId` is the fixed word of the kind; which rule it was stands in the properties.
pub(super) fn of(findings: &Findings, tree: &Path) -> Value {
    let rules: Vec<Value> = Word::ALL
        .iter()
        .map(|word| json!({ "id": word.word(), "name": word.word(), "shortDescription": { "text": word.noun() } }))
        .collect();
    let results: Vec<Value> = findings.list().map(|finding| result(finding, tree)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "consign", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "allowed": findings.allowed, "files": findings.files, "more": findings.more() },
        }]
    })
}

fn result(finding: &Finding, tree: &Path) -> Value {
    let index = Word::ALL.iter().position(|word| *word == finding.word).unwrap_or_default();
    let mut physical = json!({ "artifactLocation": { "uri": uri(&gate::file(finding, tree)) } });
    if let Some(place) = finding.place {
        physical["region"] = json!({ "startLine": place.line, "startColumn": place.column });
    }
    json!({
        "ruleId": finding.word.word(),
        "ruleIndex": index,
        "level": gate::level(finding.severity),
        "message": { "text": format!("{}: {}", finding.title, finding.shown) },
        "locations": [{ "physicalLocation": physical }],
        "properties": { "rule": finding.rule },
    })
}

/// A path as a URI reference: what is more than a plain character of a path is escaped.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let spell = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(spell).collect()
}
