//! All rules of our own, in one table. docs/GATE.md lists them for users.

mod cloud;
mod code;
mod forms;
mod generic;
mod keys;
mod services;

use super::rule::{Listed, Rule};

/// The tables, in the order in which rules are numbered.
const TABLES: [&[Rule]; 6] = [keys::RULES, cloud::RULES, code::RULES, services::RULES, forms::RULES, generic::RULES];

pub(super) fn all() -> Vec<Rule> {
    TABLES.concat()
}

/// All rules of our own, by word: for help pages and SARIF.
#[must_use]
pub fn listed() -> Vec<Listed> {
    let all = all().into_iter().map(|Rule { word, title, kind, .. }| Listed { word, title, kind });
    let mut all: Vec<Listed> = all.chain(super::names::LISTED).collect();
    all.sort_by_key(|rule| rule.word);
    all.dedup_by_key(|rule| rule.word);
    all
}
