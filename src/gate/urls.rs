//! Passwords in URLs and in the files of programs that log in by themselves.

use std::ops::Range;

use super::plausible::{is_placeholder, unexplained};
use super::stretch::{Stretch, is_word};

/// Schemes of data bases and queues, in lower case.
const DATABASES: [&str; 20] = [
    "postgres",
    "postgresql",
    "mysql",
    "mysql2",
    "mariadb",
    "mongodb",
    "srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "mssql",
    "sqlserver",
    "oracle",
    "clickhouse",
    "cassandra",
    "couchdb",
    "neo4j",
    "pymysql",
    "psycopg2",
];
const WEB: [&str; 8] = ["http", "https", "ftp", "ftps", "sftp", "ssh", "smtp", "ldap"];

/// The password in the URL of a database.
pub(super) fn database(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    password(stretch, keyword, &DATABASES, 1)
}

/// The password in any other URL. Manuals are full of `http://user:pass@host`, so it must look like one.
pub(super) fn web(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    password(stretch, keyword, &WEB, 4)
}

fn password(stretch: &Stretch<'_>, keyword: Range<usize>, schemes: &[&str], odd: usize) -> Option<Range<usize>> {
    let before = stretch.cut(keyword.start.saturating_sub(16), keyword.start);
    let scheme = before.iter().rev().take_while(|b| is_word(**b)).count();
    let scheme = before[before.len() - scheme..].to_ascii_lowercase();
    if !schemes.iter().any(|s| s.as_bytes() == scheme) {
        return None;
    }
    let text = stretch.cut(keyword.end, keyword.end + 300);
    let ends = |b: &u8| b.is_ascii_whitespace() || b"/\"'`<>\\@?#(),".contains(b) || !b.is_ascii();
    let login = text.iter().position(ends).filter(|at| text[*at] == b'@')?;
    let colon = text[..login].iter().position(|b| *b == b':')?;
    let secret = &text[colon + 1..login];
    let host = &text[login + 1..];
    let told = secret.len() >= 5
        && host.first().is_some_and(u8::is_ascii_alphanumeric)
        && !is_placeholder(secret)
        && !is_word_for_one(secret)
        && !host.starts_with(b"example")
        && !b"{[%*:".contains(&secret[0])
        && unexplained(secret) >= odd;
    told.then(|| keyword.end + colon + 1..keyword.end + login)
}

/// `password`, `secret1` and the like.
fn is_word_for_one(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    ["pass", "pw", "secret", "token", "test", "hunter", "guest"]
        .iter()
        .any(|w| lower.windows(w.len()).any(|x| x == w.as_bytes()))
}

/// The password in a line of .netrc: `machine … login … password …`.
pub(super) fn netrc(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let before = stretch.cut(keyword.start.saturating_sub(160), keyword.start);
    let has = |text: &[u8]| before.windows(text.len()).any(|w| w == text);
    if !has(b"login ") || !(has(b"machine ") || has(b"default ")) {
        return None;
    }
    let secret = stretch.cut(keyword.end, keyword.end + 200);
    let len = secret.iter().position(u8::is_ascii_whitespace).unwrap_or(secret.len());
    let secret = &secret[..len];
    let told =
        len >= 6 && secret.iter().all(u8::is_ascii_graphic) && !is_placeholder(secret) && unexplained(secret) >= 3;
    told.then(|| keyword.end..keyword.end + len)
}
