//! Lists of who may sign: lines as in `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS), or bare public keys. Read as
//! `ssh-keygen -Y verify` reads them, but for what docs/CONFORMANCE.md names; FORMAT §8.4.

use std::str::FromStr;

use super::patterns::Patterns;
use super::sshline::{self, Unusable};
use super::time::Time;
use crate::crypto::{self, PublicKey};

/// A line: which key may sign, as whom, what for, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: PublicKey,
    /// Whether it is an authority: then it speaks for the certificates that it signed, and not for itself.
    pub authority: bool,
    /// Who it is; nobody is named by a bare key.
    pub principals: Option<Patterns>,
    /// What it may sign, if that is limited.
    pub namespaces: Option<Patterns>,
    /// From when on, if that is limited.
    pub from: Option<Time>,
    /// Until when, that moment not included, if that is limited.
    pub until: Option<Time>,
}

/// What a certificate says with which something was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The key that was certified.
    pub key: PublicKey,
    /// The key of the authority that signed the certificate.
    pub authority: PublicKey,
    /// Its serial number.
    pub serial: u64,
    /// Its name.
    pub id: String,
    /// Whom it is for. It is for nobody if there is none.
    pub principals: Vec<String>,
    /// From when on, in seconds since 1970.
    pub from: u64,
    /// Until when, that second not included.
    pub until: u64,
}

/// What a file lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignerList {
    /// The lines that can be used.
    pub lines: Vec<Listed>,
    /// Those that can't: they pin nothing.
    pub unusable: Vec<Unusable>,
}

impl SignerList {
    /// Reads a list. Each line stands for itself, as in ssh-keygen: what can't be used takes nothing from the others.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> SignerList {
        let mut list = SignerList::default();
        for (number, line) in sshline::lines(bytes) {
            match line.and_then(|text| parse_line(text).map_err(|why| Unusable::new(number, text, why))) {
                Ok(line) => list.lines.push(line),
                Err(unusable) => list.unusable.push(unusable),
            }
        }
        list
    }
}

impl FromStr for Listed {
    type Err = String;

    /// Reads one line.
    fn from_str(text: &str) -> Result<Listed, String> {
        parse_line(text)
    }
}

impl Listed {
    /// A key that anybody may be and that nothing limits.
    #[must_use]
    pub fn bare(key: PublicKey) -> Listed {
        Listed { key, authority: false, principals: None, namespaces: None, from: None, until: None }
    }

    /// Whether it speaks for signatures in a namespace that were made at a time.
    #[must_use]
    pub fn speaks(&self, namespace: &str, at: Time) -> bool {
        self.namespaces.as_ref().is_none_or(|list| list.matches(namespace))
            && self.from.is_none_or(|from| from <= at)
            && self.until.is_none_or(|until| at < until)
    }

    /// Whether its key is that of `principal`; of anybody, if none is asked for.
    #[must_use]
    pub fn is_of(&self, principal: Option<&str>) -> bool {
        match (&self.principals, principal) {
            (Some(list), Some(name)) => list.matches(name),
            (Some(list), None) => list.names_anybody(),
            (None, asked) => asked.is_none(),
        }
    }

    /// Whether it is the authority of a certificate that holds at a time, for `principal`, or for anybody whom both of
    /// them name.
    #[must_use]
    pub fn certifies(&self, certified: &Certified, principal: Option<&str>, at: Time) -> bool {
        let Ok(second) = u64::try_from(at.unix()) else { return false };
        let named = |name: &String| {
            principal.is_none_or(|asked| asked == name)
                && self.principals.as_ref().is_none_or(|list| list.matches(name))
        };
        self.authority
            && self.key == certified.authority
            && (certified.from..certified.until).contains(&second)
            && certified.principals.iter().any(named)
    }

    /// The line as [`FromStr`] reads it.
    ///
    /// # Errors
    /// A key that can't be spelled.
    pub fn to_line(&self) -> crypto::Result<String> {
        let named = self.principals.as_ref().map(|list| self.line(list.as_str())).transpose()?.flatten();
        named.map_or_else(|| self.key.line(), Ok)
    }

    /// The line, in one spelling that ssh-keygen reads, for `principals` instead of its own; `None` for a name that no
    /// such line can hold.
    ///
    /// # Errors
    /// A key that can't be spelled.
    pub fn line(&self, principals: &str) -> crypto::Result<Option<String>> {
        if principals.is_empty() || principals.contains(['"', '\n', '\r', '\0']) {
            return Ok(None);
        }
        let quoted = principals.contains([' ', '\t']) || principals.starts_with('#');
        let mut line = if quoted { format!("\"{principals}\" ") } else { format!("{principals} ") };
        let mut options: Vec<String> = Vec::new();
        options.extend(self.authority.then(|| "cert-authority".to_owned()));
        let namespaces = self.namespaces.as_ref().map(|list| list.as_str().replace('"', "\\\""));
        options.extend(namespaces.map(|list| format!("namespaces=\"{list}\"")));
        options.extend(self.from.map(|from| format!("valid-after=\"{}\"", spelled(from))));
        // There, the second that is named is the last that is valid; here it is the first that is not.
        let last = self.until.map(|until| Time::from_unix(until.unix() - 1));
        options.extend(last.map(|last| format!("valid-before=\"{}\"", spelled(last))));
        if !options.is_empty() {
            line.push_str(&options.join(","));
            line.push(' ');
        }
        line.push_str(&self.key.line()?);
        Ok(Some(line))
    }
}

fn parse_line(text: &str) -> Result<Listed, String> {
    if let Some(Ok(key)) = sshline::split_key(text).map(|(key, _)| key.parse()) {
        return Ok(Listed::bare(key));
    }
    let Some((principals, rest)) = split_principals(text) else { return Err("a quote that nothing ends".into()) };
    let first = |text: &str| text.split([' ', '\t']).next().map(str::to_owned).unwrap_or_default();
    if rest.is_empty() {
        return Err(sshline::key(text).err().unwrap_or_default());
    }
    let principals = Patterns::new(principals);
    if !principals.names_anybody() {
        return Err("its principals name nobody".into());
    }
    if sshline::is_kind(&first(rest)) {
        return Ok(Listed { principals: Some(principals), ..Listed::bare(sshline::key(rest)?) });
    }
    let end = end_of_options(rest).ok_or("a quote that nothing ends")?;
    let (options, key) = rest.split_at(end);
    if key.is_empty() {
        return Err(if sshline::is_kind(&first(text)) {
            sshline::key(text).err().unwrap_or_default()
        } else {
            "there is no key".into()
        });
    }
    let key = sshline::key(key.trim_start_matches([' ', '\t']))?;
    let options = Options::parse(options)?;
    Ok(Listed {
        key,
        authority: options.authority,
        principals: Some(principals),
        namespaces: options.namespaces.map(Patterns::new),
        from: options.from,
        until: options.until,
    })
}

/// The principals and the rest of a line. As ssh-keygen splits words, a quote may begin anywhere in the first one, and
/// the one after it ends the word.
fn split_principals(text: &str) -> Option<(String, &str)> {
    let blank = |c: char| matches!(c, ' ' | '\t');
    let end = text.find(|c| blank(c) || c == '"').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let (word, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (inside, rest) = quoted.split_once('"')?;
            (format!("{word}{inside}"), rest)
        }
        None => (word.to_owned(), rest),
    };
    Some((word, rest.trim_start_matches(blank)))
}

/// Where the options end: at the first blank outside quotes. `None` if a quote is not closed.
fn end_of_options(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b' ' | b'\t' if !quoted => return Some(at),
            b'\\' if bytes.get(at + 1) == Some(&b'"') => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    (!quoted).then_some(text.len())
}

/// The options of a line.
#[derive(Default)]
struct Options {
    authority: bool,
    namespaces: Option<String>,
    from: Option<Time>,
    until: Option<Time>,
}

impl Options {
    /// In any case; each once at most, but the one without a value. As in ssh-keygen, what stands between two commas may
    /// be nothing.
    fn parse(text: &str) -> Result<Options, String> {
        let mut all = Options::default();
        let mut rest = text;
        loop {
            rest = all.take(rest)?;
            if rest.is_empty() {
                return all.in_order();
            }
            rest = rest.strip_prefix(',').ok_or_else(|| unknown(rest))?;
            if rest.is_empty() {
                return Err("its options end with a comma".into());
            }
        }
    }

    /// ssh-keygen takes no line whose last second is not after its first.
    fn in_order(self) -> Result<Options, String> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if until.unix() - 1 <= from.unix() => {
                Err("it ends before it begins, at least in some places of the world".into())
            }
            _ => Ok(self),
        }
    }

    /// Takes the option that the text begins with, if there is one, and returns what follows.
    fn take<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        if let Some(rest) = after(text, "cert-authority") {
            self.authority = true;
            return Ok(rest);
        }
        let twice = |name: &str| format!("the option `{name}` stands there twice");
        if let Some(rest) = after(text, "namespaces=") {
            let (value, rest) = dequote(rest)?;
            return if self.namespaces.replace(value).is_none() { Ok(rest) } else { Err(twice("namespaces")) };
        }
        if let Some(rest) = after(text, "valid-after=") {
            let (value, rest) = dequote(rest)?;
            let from = moment(&value, Bound::From)?;
            return if self.from.replace(from).is_none() { Ok(rest) } else { Err(twice("valid-after")) };
        }
        if let Some(rest) = after(text, "valid-before=") {
            let (value, rest) = dequote(rest)?;
            let until = moment(&value, Bound::Until)?;
            return if self.until.replace(until).is_none() { Ok(rest) } else { Err(twice("valid-before")) };
        }
        Ok(text)
    }
}

fn unknown(text: &str) -> String {
    let name: String = text.split([',', '=', ' ']).next().unwrap_or_default().chars().take(40).collect();
    format!("the option `{name}` is not one that is honoured")
}

/// What follows a word, in any case.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
    text.get(start.len()..)
}

/// The text in quotes, in which `\"` stands for a quote, and what follows.
fn dequote(text: &str) -> Result<(String, &str), String> {
    let mut rest = text.strip_prefix('"').ok_or("an option without quotes")?;
    let mut value = String::new();
    loop {
        let end = rest.find('"').ok_or("a quote that nothing ends")?;
        let (part, more) = rest.split_at(end);
        rest = more.get(1..).unwrap_or_default();
        match part.strip_suffix('\\') {
            Some(part) => {
                value.push_str(part);
                value.push('"');
            }
            None => {
                value.push_str(part);
                return Ok((value, rest));
            }
        }
    }
}

/// Which end of a span.
#[derive(Clone, Copy)]
enum Bound {
    From,
    Until,
}

const HOUR: i64 = 3600;

/// A time as ssh-keygen has it: YYYYMMDD with HHMM or HHMMSS or without, then `Z` or `UTC`. A time without them is that
/// of a place, which the list doesn't name: the span that holds in every place of the world is meant (FORMAT §8.4).
fn moment(text: &str, bound: Bound) -> Result<Time, String> {
    let wrong = || {
        let text: String = text.chars().take(40).collect();
        format!("`{text}` is not a time, such as 20261123Z or 20261123134000Z")
    };
    let without = |suffix: &str| {
        let start = text.len().checked_sub(suffix.len())?;
        let (digits, end) = text.split_at_checked(start)?;
        end.eq_ignore_ascii_case(suffix).then_some(digits)
    };
    let utc = without("Z").or_else(|| without("UTC"));
    let digits = utc.unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(wrong()),
    };
    let part = |from: usize, to: usize| full.get(from..to).unwrap_or_default();
    let (date, clock) = ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
    let time: Time = format!("{}T{}Z", date.join("-"), clock.join(":")).parse().map_err(|_| wrong())?;
    if time.unix() <= 0 {
        return Err(wrong());
    }
    // A day begins last 12 hours behind UTC, and first 14 hours before it.
    let seconds = match (bound, utc.is_some()) {
        (Bound::From, true) => time.unix(),
        (Bound::From, false) => time.unix() + 12 * HOUR,
        (Bound::Until, true) => time.unix() + 1,
        (Bound::Until, false) => time.unix() + 1 - 14 * HOUR,
    };
    Ok(Time::from_unix(seconds))
}

/// A time as ssh-keygen reads it.
fn spelled(time: Time) -> String {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    digits + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn read(line: &str) -> Result<Listed, String> {
        let list = SignerList::parse(line.as_bytes());
        assert_eq!(list.lines.len() + list.unusable.len(), 1, "{line}");
        list.lines.into_iter().next().ok_or_else(|| list.unusable[0].why.clone())
    }

    fn window(options: &str) -> Option<[String; 2]> {
        let listed = read(&format!("acme {options} {KEY} comment")).ok()?;
        Some([listed.from, listed.until].map(|t| t.map(|t| t.to_string()).unwrap_or_default()))
    }

    #[test]
    fn principals_are_one_word_or_stand_in_quotes() {
        let name = |start: &str| read(&format!("{start}{KEY}")).unwrap().principals.unwrap().as_str().to_owned();
        assert_eq!(name("acme,*@acme.example "), "acme,*@acme.example");
        assert_eq!(name("\"acme dev\" \t"), "acme dev");
        assert_eq!(name("\"acme\""), "acme");
        assert_eq!(name("pre\"acme, x\" "), "preacme, x");
        assert_eq!(name("ssh-ed25519 "), "ssh-ed25519");
        assert_eq!(read(KEY).unwrap().principals, None);
        assert_eq!(read(&format!("{KEY} a comment")).unwrap().principals, None);
        for bad in [format!("\"acme {KEY}"), format!("\"acme\"x {KEY}"), "acme".into(), format!("acme # {KEY}")] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert!(read("ssh-ed25519 AAAA").unwrap_err().contains("damaged"));
        assert!(read("acme ssh-ed25519 AAAA").unwrap_err().contains("damaged"));
    }

    #[test]
    fn a_line_says_when_and_what_for() {
        assert_eq!(window("namespaces=\"git\"").unwrap(), ["", ""]);
        let both = "Valid-After=\"20260101Z\",NAMESPACES=\"consign-*\",valid-before=\"202602030405Z\"";
        assert_eq!(window(both).unwrap(), ["2026-01-01T00:00:00Z", "2026-02-03T04:05:01Z"]);
        assert_eq!(window("valid-before=\"20260203040506utc\"").unwrap(), ["", "2026-02-03T04:05:07Z"]);
        // In no place of the world is it still the day before, or already the day after.
        let local = "valid-after=\"20260101\",valid-before=\"20260103\"";
        assert_eq!(window(local).unwrap(), ["2026-01-01T12:00:00Z", "2026-01-02T10:00:01Z"]);
        assert!(read(&format!("acme cert-authority,namespaces=\"a\" {KEY}")).unwrap().authority);
        assert!(window(",namespaces=\"a\",,valid-after=\"20260101Z\"").is_some());
        let quote = read(&format!("acme namespaces=\"a\\\"b\" {KEY}")).unwrap();
        assert_eq!(quote.namespaces.unwrap().as_str(), "a\"b");
        for no in [
            "valid-after=\"20261301Z\"",
            "valid-after=\"20260231Z\"",
            "valid-after=\"19700101Z\"",
            "valid-after=20260101Z",
            "valid-after=\"+0260101Z\"",
            "valid-after=\"2026010112Z\"",
            "valid-after=\"\"",
            "valid-after=\"Z\"",
            "valid-after=\"é\"",
            "valid-after=\"20260101Z\",valid-after=\"20250101Z\"",
            "valid-after=\"20260101Z\",",
            "valid-after=\"20260101Z\",valid-before=\"20260101Z\"",
            "valid-after=\"20260101\",valid-before=\"20260102\"",
            "valid-after=\"20260101Z\"namespaces=\"a\"",
            "namespaces=\"a",
            "namespaces=\"a\\\"",
            "cert-authorityx",
            "no-such-option=\"x\"",
            "\"\"",
            ",",
        ] {
            assert_eq!(window(no), None, "{no}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for line in [
            KEY.to_owned(),
            format!("acme {KEY}"),
            format!("\"a b,*\" cert-authority {KEY}"),
            format!("acme namespaces=\"a\\\"b\",valid-after=\"20260101\",valid-before=\"20270101Z\" {KEY}"),
        ] {
            let listed = read(&line).unwrap();
            let name = listed.principals.as_ref().map_or("*", Patterns::as_str).to_owned();
            let again = read(&listed.line(&name).unwrap().unwrap()).unwrap();
            assert_eq!(Listed { principals: Some(Patterns::new(name)), ..listed }, again, "{line}");
        }
        assert_eq!(read(KEY).unwrap().line("a\"b").unwrap(), None);
        assert!(read(KEY).unwrap().line("#a").unwrap().unwrap().starts_with("\"#a\" "));
    }

    #[test]
    fn a_line_that_cannot_be_used_takes_nothing_from_the_others() {
        let list = SignerList::parse(format!("acme bogus {KEY}\n# x\nacme {KEY}\n\n\0\nx").as_bytes());
        assert_eq!(list.lines.len(), 1);
        let told: Vec<usize> = list.unusable.iter().map(|u| u.line).collect();
        assert_eq!(told, [1, 5, 6]);
    }

    #[test]
    fn an_authority_speaks_for_its_certificates_and_not_for_itself() {
        let authority = read(&format!("*@acme.example cert-authority {KEY}")).unwrap();
        let key: PublicKey = crypto::SigningKey::generate().unwrap().public();
        let sound = Certified {
            key,
            authority: authority.key.clone(),
            serial: 0,
            id: String::new(),
            principals: vec!["root".into(), "bob@acme.example".into()],
            from: 100,
            until: 200,
        };
        let is = |c: &Certified, name: Option<&str>, at| authority.certifies(c, name, Time::from_unix(at));
        assert!(is(&sound, None, 100) && is(&sound, Some("bob@acme.example"), 199));
        assert!(!is(&sound, None, 99) && !is(&sound, None, 200) && !is(&sound, None, -1));
        assert!(!is(&sound, Some("root"), 150) && !is(&sound, Some("eve@acme.example"), 150));
        assert!(!is(&Certified { principals: Vec::new(), ..sound.clone() }, None, 150));
        assert!(!is(&Certified { principals: vec!["root".into()], ..sound.clone() }, None, 150));
        assert!(!is(&Certified { authority: sound.key.clone(), ..sound.clone() }, None, 150));
        assert!(!Listed { authority: false, ..authority.clone() }.certifies(&sound, None, Time::from_unix(150)));
    }
}
