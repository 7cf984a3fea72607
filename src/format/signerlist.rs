//! Files that name signing keys: bare public keys, or lines as in `allowed_signers` (ssh-keygen(1)). For
//! `verify --signer FILE` and FORMAT §8.4.

use super::Result;
use super::error::changed;
use super::time::Time;
use crate::crypto::PublicKey;

/// A key that may sign bundles, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: PublicKey,
    /// From when on, if that is limited.
    pub from: Option<Time>,
    /// Until when, that moment not included, if that is limited.
    pub until: Option<Time>,
}

/// Reads the keys of such a file that may sign bundles.
///
/// # Errors
/// [`super::Error::Changed`] for a line that is neither, and for options that this version does not honour.
pub fn parse(bytes: &[u8]) -> Result<Vec<Listed>> {
    let text = std::str::from_utf8(bytes).map_err(|_| changed("signer file", "not a text"))?;
    let mut keys = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let part = format!("signer file, line {}", n + 1);
        if let Some(key) = parse_line(line).map_err(|why| changed(part, why))? {
            keys.push(key);
        }
    }
    if keys.is_empty() { Err(changed("signer file", "there is no key for bundles in it")) } else { Ok(keys) }
}

fn parse_line(line: &str) -> std::result::Result<Option<Listed>, String> {
    if let Ok(key) = line.parse() {
        return Ok(Some(Listed { key, from: None, until: None }));
    }
    let (_, rest) = line.split_once(char::is_whitespace).ok_or("neither a public key nor principals and a key")?;
    let rest = rest.trim_start();
    if let Ok(key) = rest.parse() {
        return Ok(Some(Listed { key, from: None, until: None }));
    }
    let (options, key) = split_outside_quotes(rest, char::is_whitespace).ok_or("no public key")?;
    let key = key.trim_start().parse().map_err(|_| "not a public key that is taken here")?;
    let options = Options::parse(options)?;
    let for_bundles = options.namespaces.is_none_or(|list| list.split(',').any(|n| n == super::envelope::NAMESPACE));
    Ok(for_bundles.then_some(Listed { key, from: options.after, until: options.before }))
}

/// What is honoured of a line's options.
#[derive(Default)]
struct Options<'a> {
    namespaces: Option<&'a str>,
    after: Option<Time>,
    before: Option<Time>,
}

impl<'a> Options<'a> {
    /// Each option once at most, as ssh-keygen has it.
    fn parse(text: &'a str) -> std::result::Result<Self, String> {
        let mut all = Options::default();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (option, more) = split_outside_quotes(text, |c| c == ',').map_or((text, None), |(o, m)| (o, Some(m)));
            rest = more;
            let no = "is not supported; namespaces, valid-after and valid-before are";
            let (name, value) = option.split_once('=').ok_or_else(|| format!("the option `{option}` {no}"))?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).ok_or("an option without quotes")?;
            let twice = match name.to_ascii_lowercase().as_str() {
                "namespaces" => all.namespaces.replace(value).is_some(),
                "valid-after" => all.after.replace(time(value)?).is_some(),
                "valid-before" => all.before.replace(time(value)?).is_some(),
                _ => return Err(format!("the option `{name}` {no}")),
            };
            if twice {
                return Err(format!("the option `{name}` stands there twice"));
            }
        }
        Ok(all)
    }
}

/// What stands before and after the first such character that is not in double quotes.
fn split_outside_quotes(text: &str, is: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.find(|c| {
        quoted ^= c == '"';
        !quoted && is(c)
    })?;
    let (before, after) = text.split_at(at);
    Some((before, after.strip_prefix(&is)?))
}

/// A time as ssh-keygen has it, YYYYMMDD with HHMM or HHMMSS or without, in UTC: without the Z it would be that of
/// whichever place this machine believes to be in.
fn time(text: &str) -> std::result::Result<Time, String> {
    let wrong = || format!("`{text}` is not a time in UTC, such as 20261123Z or 20261123134000Z");
    let digits = text.strip_suffix('Z').filter(|d| d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(wrong()),
    };
    let part = |from: usize, to: usize| full.get(from..to).unwrap_or_default();
    let (date, clock) = ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
    format!("{}T{}Z", date.join("-"), clock.join(":")).parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn window(options: &str) -> Option<(Option<String>, Option<String>)> {
        let [one] = &parse(format!("acme {options} {KEY} comment\n").as_bytes()).ok()?[..] else { return None };
        Some((one.from.map(|t| t.to_string()), one.until.map(|t| t.to_string())))
    }

    #[test]
    fn options_that_are_honoured_limit_a_key_and_others_are_refused() {
        let day = |text: &str| Some(text.to_owned());
        assert_eq!(window("namespaces=\"git,consign-bundle-v1\""), Some((None, None)));
        let both = "Valid-After=\"20260101Z\",namespaces=\"consign-bundle-v1\",valid-before=\"202602030405Z\"";
        assert_eq!(window(both), Some((day("2026-01-01T00:00:00Z"), day("2026-02-03T04:05:00Z"))));
        assert_eq!(window("valid-before=\"20260203040506Z\""), Some((None, day("2026-02-03T04:05:06Z"))));
        for no in [
            "namespaces=\"git\"",
            "namespaces=\"consign-*\"",
            "cert-authority",
            "valid-after=\"20260101\"",
            "valid-after=\"20261301Z\"",
            "valid-after=20260101Z",
            "valid-after=\"+0260101Z\"",
            "valid-after=\"2026010112Z\"",
            "valid-after=\"20260101Z\",valid-after=\"20250101Z\"",
            "valid-after=\"20260101Z\",",
            "no-such-option=\"x\"",
        ] {
            assert_eq!(window(no), None, "{no}");
        }
    }
}
