//! Licences in headers: `SPDX-License-Identifier:` near the beginning of a file, and whether what it says is what the
//! project asks of that file. A REUSE sidecar file (`NAME.license`) is not looked at.

use super::Result;
use super::gatetable::LicenceTable;
use crate::files::Globs;

/// The tag.
const TAG: &[u8] = b"SPDX-License-Identifier:";
/// How much of a file is its header, in bytes.
pub(super) const HEADER: usize = 16 << 10;
/// The longest expression that is read, in bytes.
const EXPRESSION_MAX: usize = 200;
/// With more licences than this in them, two expressions are compared by their spelling.
const COMPARED_MAX: usize = 10;

/// What a project asks.
#[derive(Debug)]
pub(super) struct Licences {
    rules: Vec<(Globs, Vec<String>)>,
}

/// What is wrong with a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none.
    Missing {
        /// What is asked.
        wants: String,
    },
    /// It says something else.
    Foreign {
        /// Where that begins.
        at: usize,
        /// It.
        says: String,
    },
}

impl Licences {
    pub(super) fn new(tables: &[LicenceTable]) -> Result<Licences> {
        let rule = |table: &LicenceTable| -> Result<_> {
            let taken = std::iter::once(&table.expression).chain(&table.also).cloned().collect();
            Ok((Globs::new(&table.files)?, taken))
        };
        Ok(Licences { rules: tables.iter().map(rule).collect::<Result<_>>()? })
    }

    /// What is wrong with a file that begins with `head`.
    pub(super) fn look(&self, path: &str, head: &[u8]) -> Option<Fault> {
        let (_, taken) = self.rules.iter().rev().find(|(globs, _)| globs.fit(path))?;
        let head = head.get(..HEADER).unwrap_or(head);
        let mut any = false;
        for at in head.windows(TAG.len()).enumerate().filter(|(_, w)| *w == TAG).map(|(at, _)| at + TAG.len()) {
            any = true;
            let (at, says) = expression(head, at);
            if !taken.iter().any(|expression| is_same(expression, &says)) {
                return Some(Fault::Foreign { at, says });
            }
        }
        let wants = || taken.first().cloned().unwrap_or_default();
        (!any).then(|| Fault::Missing { wants: wants() })
    }
}

/// What stands behind a tag, without the end of a comment.
fn expression(head: &[u8], from: usize) -> (usize, String) {
    let rest = head.get(from..).unwrap_or_default();
    let line = rest.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    let line = line.get(..EXPRESSION_MAX).unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let ends = ["*/", "-->", "--}}", "#}", "*)", "|#", "\"\"\"", "'''", "\"", "'"];
    let mut says = text.trim();
    while let Some(shorter) = ends.iter().find_map(|end| says.strip_suffix(end)) {
        says = shorter.trim_end();
    }
    let at = from + line.iter().take_while(|b| b.is_ascii_whitespace()).count();
    (at, says.to_owned())
}

/// Whether two expressions allow the same, however they are spelled.
fn is_same(a: &str, b: &str) -> bool {
    let (Ok(left), Ok(right)) = (spdx::Expression::parse(a), spdx::Expression::parse(b)) else { return false };
    let mut all: Vec<_> = left.requirements().chain(right.requirements()).map(|r| r.req.clone()).collect();
    all.sort();
    all.dedup();
    if all.len() > COMPARED_MAX {
        return a == b;
    }
    (0_u32..1 << all.len()).all(|set| {
        let has = |req: &spdx::LicenseReq| all.iter().position(|r| r == req).is_some_and(|n| set & (1 << n) != 0);
        left.evaluate(has) == right.evaluate(has)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licences() -> Licences {
        let table = |files: &str, expression: &str, also: &[&str]| LicenceTable {
            files: vec![files.to_owned()],
            expression: expression.to_owned(),
            also: also.iter().map(|&text| text.to_owned()).collect(),
        };
        Licences::new(&[table("*.rs", "MIT OR Apache-2.0", &["BSD-3-Clause"]), table("vendor/**", "Zlib", &[])])
            .unwrap()
    }

    #[test]
    fn a_header_is_missing_foreign_or_right_and_the_last_rule_counts() {
        let all = licences();
        let say =
            |path: &str, licence: &str| all.look(path, format!("// SPDX-License-Identifier: {licence}\n").as_bytes());
        assert_eq!(say("src/a.rs", "MIT OR Apache-2.0"), None);
        assert_eq!(say("src/a.rs", "Apache-2.0 OR MIT */"), None);
        assert_eq!(say("src/a.rs", "BSD-3-Clause"), None);
        assert_eq!(say("vendor/a.rs", "Zlib"), None);
        assert_eq!(say("a.txt", "GPL-3.0-only"), None);
        for foreign in ["GPL-3.0-only", "MIT", "MIT AND Apache-2.0", "my own", ""] {
            let found = say("src/a.rs", foreign);
            assert_eq!(
                found,
                Some(Fault::Foreign { at: 28, says: foreign.to_owned() })
                    .filter(|_| !foreign.is_empty())
                    .or(found_of_none(foreign))
            );
        }
        assert_eq!(all.look("x.rs", b"fn main() {}"), Some(Fault::Missing { wants: "MIT OR Apache-2.0".to_owned() }));
        let late = [vec![b' '; HEADER], b"SPDX-License-Identifier: MIT".to_vec()].concat();
        assert!(matches!(all.look("x.rs", &late), Some(Fault::Missing { .. })));
    }

    /// Behind an empty tag there is nothing but the end of the line.
    fn found_of_none(says: &str) -> Option<Fault> {
        says.is_empty().then(|| Fault::Foreign { at: 28, says: String::new() })
    }
}
