//! Lists of patterns as OpenSSH has them (ssh_config(5), PATTERNS): `*`, `?`, and `!` before what must not match, with
//! commas between. Bytes are compared, in their case.

/// The longest pattern that ssh-keygen compares with, in bytes; a list with a longer one matches nothing there.
const PATTERN_MAX: usize = 1022;

/// A list of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns(String);

impl Patterns {
    /// From its text. Every text is a list.
    pub fn new(text: impl Into<String>) -> Patterns {
        Patterns(text.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name matches one of the patterns, and none of those after a `!`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut found = false;
        for part in self.parts() {
            let (negated, pattern) = part.strip_prefix('!').map_or((false, part), |pattern| (true, pattern));
            if pattern.len() > PATTERN_MAX {
                return false;
            }
            if matches(name.as_bytes(), pattern.as_bytes()) {
                if negated {
                    return false;
                }
                found = true;
            }
        }
        found
    }

    /// Whether anybody at all can match.
    #[must_use]
    pub fn names_anybody(&self) -> bool {
        self.parts().any(|part| !part.starts_with('!') && self.matches(part))
    }

    /// Its first plain name that matches: one without `*` and `?`.
    #[must_use]
    pub fn first_name(&self) -> Option<&str> {
        self.parts().find(|part| !part.is_empty() && !part.starts_with('!') && is_plain(part) && self.matches(part))
    }

    /// As OpenSSH walks them: nothing follows a comma at the end.
    fn parts(&self) -> impl Iterator<Item = &str> {
        let text = self.0.strip_suffix(',').unwrap_or(&self.0);
        text.split(',').take(if self.0.is_empty() { 0 } else { usize::MAX })
    }
}

fn is_plain(part: &str) -> bool {
    !part.contains(['*', '?'])
}

/// One pattern. Going back to the last star only keeps this quadratic at worst, whatever the pattern.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut by) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(at) {
        match pattern.get(by) {
            Some(b'*') => {
                star = Some((at, by));
                by += 1;
            }
            Some(p) if *p == b'?' || p == byte => (at, by) = (at + 1, by + 1),
            _ => {
                let Some((from, of)) = star else { return false };
                star = Some((from + 1, of));
                (at, by) = (from + 1, of + 1);
            }
        }
    }
    pattern.get(by..).unwrap_or_default().iter().all(|p| *p == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_in_openssh() {
        let is = |list: &str, name: &str| Patterns::new(list).matches(name);
        for (list, name) in [
            ("acme", "acme"),
            ("birch,acme", "acme"),
            ("a?me", "acme"),
            ("*", ""),
            ("*@acme.example", "bob@acme.example"),
            ("a*b*c", "a--b-b--c"),
            ("acme,", "acme"),
            (",acme", "acme"),
            ("consign-*", "consign-bundle-v1"),
            ("!birch,*", "acme"),
            ("**", "x"),
            ("a,,b", ""),
        ] {
            assert!(is(list, name), "{list} {name}");
        }
        for (list, name) in [
            ("acme", "Acme"),
            ("acme", "acmes"),
            ("?", ""),
            ("?", "é"),
            ("*,!acme", "acme"),
            ("!birch", "acme"),
            ("", ""),
            ("a*b", "a"),
            ("acme,birch", "acme,birch"),
        ] {
            assert!(!is(list, name), "{list} {name}");
        }
        assert!(!is(&format!("{},acme", "x".repeat(1023)), "acme"));
        assert!(!is(&"*a".repeat(500), &"a".repeat(499)));
    }

    #[test]
    fn a_list_may_be_for_nobody() {
        let anybody = |list: &str| Patterns::new(list).names_anybody();
        assert!(anybody("*") && anybody("a,!b") && anybody("?*,!b*"));
        assert!(!anybody("!a") && !anybody("!*,a") && !anybody("") && !anybody("a,!a"));
        assert_eq!(Patterns::new("!a,*,b").first_name(), Some("b"));
        assert_eq!(Patterns::new("*").first_name(), None);
    }
}
