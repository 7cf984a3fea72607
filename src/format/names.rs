//! Names that some platform can't hold, and pairs of names that are one name on some platform (FORMAT §3.9).
//! The only door to `caseless` and `unicode-normalization`.

use unicode_normalization::UnicodeNormalization;

/// A name folded as case-insensitive file systems fold it.
#[must_use]
pub fn fold(name: &str) -> String {
    if name.is_ascii() { name.to_ascii_lowercase() } else { caseless::default_case_fold_str(name) }
}

/// A key that is equal for two paths if some file system takes them for one.
#[must_use]
pub fn collision_key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Canonical caseless matching (Unicode 3.13, D145): fold between two normalisations.
    let nfd: String = path.nfd().collect();
    fold(&nfd).nfd().collect()
}

/// Why a component can't be a file name on Windows; `None` if it can.
#[must_use]
pub fn unportable(component: &str) -> Option<&'static str> {
    if component.ends_with(['.', ' ']) {
        return Some("ends with a dot or a space, which Windows drops");
    }
    if component.chars().any(|c| c < ' ' || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\')) {
        return Some("holds a character that Windows names can't hold");
    }
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| n.chars().count() == 1 && n.chars().all(|c| matches!(c, '0'..='9' | '¹' | '²' | '³')))
    };
    let reserved = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$");
    (reserved || numbered("COM") || numbered("LPT")).then_some("is a device name on Windows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one_on_some_system_share_a_key() {
        for (a, b) in [("README", "readme"), ("é", "e\u{301}"), ("É", "e\u{301}"), ("straße", "STRASSE"), ("ﬁ", "fi")]
        {
            assert_eq!(collision_key(a), collision_key(b), "{a} {b}");
        }
        assert_ne!(collision_key("a"), collision_key("b"));
    }

    #[test]
    fn names_that_windows_cannot_hold_are_known() {
        for bad in ["con", "NUL.txt", "com1", "LPT9.log", "a.", "a ", "a:b", "a?b", "a\\b", "a\tb", "aux.c"] {
            assert!(unportable(bad).is_some(), "{bad}");
        }
        for bad in ["COM0", "lpt0.x", "COM¹", "Lpt³", "com² .c", "prn .a.b", "conin$", "CONOUT$.log"] {
            assert!(unportable(bad).is_some(), "{bad}");
        }
        for good in ["console", "com", "com10", "a.b", "nul-x", ".hidden", "CLOCK$", "com⁴", "conın$", "lpt", "x con"]
        {
            assert!(unportable(good).is_none(), "{good}");
        }
    }
}
