//! Secrets in URLs, web tokens, and passwords in the files of programs that log in by themselves.

use std::ops::Range;

use super::plausible::{entropy, is_placeholder, unexplained};
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
        && !is_word_for_one(secret, odd > 1)
        && !host.starts_with(b"example")
        && !b"{[%*:".contains(&secret[0])
        && secret.iter().filter(|b| b.is_ascii_alphanumeric()).count() * 2 > secret.len()
        && unexplained(secret) >= odd;
    told.then(|| keyword.end + colon + 1..keyword.end + login)
}

/// The signature of a shared access URL of Azure; what it signs stands beside it.
pub(super) fn azure_sas(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let text = stretch.cut(keyword.end, keyword.end + 70);
    let len = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"%+/=".contains(b)).count();
    if !(43..=64).contains(&len) || !matches!(stretch.before(keyword.start), Some(b'?' | b'&' | b';')) {
        return None;
    }
    let around = stretch.cut(keyword.start.saturating_sub(300), keyword.end + 400);
    let has = |text: &[u8]| around.windows(text.len()).any(|w| w == text);
    let told = (has(b"sv=20") || has(b"se=20")) && !is_placeholder(&text[..len]);
    told.then(|| keyword.end..keyword.end + len)
}

/// A JSON web token: three parts, of which the first two are JSON. The keyword is the border of these.
pub(super) fn web_token(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let is_text = |b: &&u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    let before = stretch.cut(keyword.start.saturating_sub(300), keyword.start);
    let head = before.iter().rev().take_while(is_text).count();
    let start = keyword.start - head;
    let part = |from: usize, max: usize| stretch.cut(from, from + max).iter().take_while(is_text).count();
    if head < 10 || !stretch.bytes[start..].starts_with(b"eyJ") {
        return None;
    }
    let claims = part(keyword.start + 1, 2000);
    let signature = keyword.start + 1 + claims + 1;
    let dot = stretch.before(signature) == Some(b'.');
    let end = signature + part(signature, 700);
    (dot && claims >= 10 && end - signature >= 20 && entropy(stretch.cut(start, end)) >= 4.0).then_some(start..end)
}

/// `password`, `postgres` and the like; of URLs that manuals are full of also what only holds such a word.
fn is_word_for_one(secret: &[u8], anywhere: bool) -> bool {
    const WORDS: [&str; 12] = [
        "password", "passwd", "secret", "token", "tests", "hunter", "guest", "postgres", "mysql", "admin", "mongo",
        "redis",
    ];
    let lower = secret.to_ascii_lowercase();
    let holds = |w: &str| lower.windows(w.len()).any(|x| x == w.as_bytes());
    WORDS.iter().any(|w| lower == w.as_bytes() || anywhere && holds(w)) || anywhere && (holds("pass") || holds("pw"))
}

/// The password in a line of .netrc: `machine … login … password …`.
pub(super) fn netrc(stretch: &Stretch<'_>, keyword: Range<usize>) -> Option<Range<usize>> {
    let before = stretch.cut(keyword.start.saturating_sub(160), keyword.start);
    let has = |text: &[u8]| before.windows(text.len()).any(|w| w == text);
    if stretch.bytes.get(keyword.end) != Some(&b' ') || !has(b"login ") || !(has(b"machine ") || has(b"default ")) {
        return None;
    }
    let secret = stretch.cut(keyword.end + 1, keyword.end + 200);
    let len = secret.iter().position(|b| !b.is_ascii_graphic() || b"\\\"'{".contains(b)).unwrap_or(secret.len());
    let secret = &secret[..len];
    let told = len >= 6 && !is_placeholder(secret) && unexplained(secret) >= 3;
    told.then(|| keyword.end + 1..keyword.end + 1 + len)
}
