//! Conformance: age's own test vectors, and agreement with `ssh-keygen` over signatures. Where we are stricter, or
//! lack something, it stands in a table here and in docs/CONFORMANCE.md, with the reason.

mod age;
mod signers;
mod sshsig;
#[path = "../support/tools.rs"]
mod tools;

/// The rows of a table of docs/CONFORMANCE.md: the cells between the marks `<!-- NAME -->` and `<!-- end -->`.
fn rows_of_page(name: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../docs/CONFORMANCE.md");
    let table = page.split(&format!("<!-- {name} -->\n")).nth(1).and_then(|rest| rest.split("<!-- end -->").next());
    let lines = table.unwrap_or_else(|| panic!("the page has no table {name}")).lines();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.filter(|line| line.starts_with('|')).skip(2).map(cells).collect()
}
