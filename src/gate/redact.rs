//! What may be shown of a secret: enough to find it again, too little to use it.

/// How a rule's finds are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The first and last four characters, if there are many more: `AKIA..7QF2`.
    Ends,
    /// The number of characters.
    Length,
    /// All of it. For what is no secret, such as a forbidden word.
    All,
}

/// A secret must be this long before eight characters of it are shown.
const LONG: usize = 20;

pub(super) fn shown(secret: &[u8], how: Shown) -> String {
    let plain = secret.iter().all(u8::is_ascii_graphic);
    match how {
        Shown::Ends if plain && secret.len() >= LONG => {
            let text = String::from_utf8_lossy(secret);
            format!("{}..{}", &text[..4], &text[text.len() - 4..])
        }
        Shown::All => String::from_utf8_lossy(secret).into_owned(),
        Shown::Ends | Shown::Length => {
            let count = String::from_utf8_lossy(secret).chars().count();
            if count == 1 { "1 character".to_owned() } else { format!("{count} characters") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_eight_characters_of_a_secret_are_shown() {
        assert_eq!(shown(b"AKIAQYLPMN5HHHFPZAM7", Shown::Ends), "AKIA..ZAM7");
        assert_eq!(shown(b"short-secret", Shown::Ends), "12 characters");
        assert_eq!(shown("pässwörd".as_bytes(), Shown::Length), "8 characters");
    }
}
