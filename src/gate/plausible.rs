//! Whether a string may be a secret at all: its entropy, and whether it is a placeholder or made of words.

/// Bits of entropy a byte.
pub(super) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let all = bytes.len() as f32;
    -counts.iter().filter(|n| **n > 0).map(|n| *n as f32 / all).map(|p| p * p.log2()).sum::<f32>()
}

/// What stands where a secret belongs, whatever its form. In lower case.
const SAMPLES: [&str; 9] = ["example", "xxxx", "****", "....", "your_", "your-", "redacted", "${", "{{"];

/// The same, for values whose form says nothing.
const PLACEHOLDERS: [&str; 25] = [
    "0000000",
    "1234567",
    "abcdef",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "fake",
    "sample",
    "yourp",
    "yours",
    "yourt",
    "yourk",
    "youra",
    "insert",
    "replace",
    "$(",
    "%(",
    "<%",
    "#{",
    "deadbeef",
    "foobar",
    "_here",
    "todo",
];

fn has_any(lower: &[u8], words: &[&str]) -> bool {
    words.iter().any(|p| lower.windows(p.len()).any(|w| w == p.as_bytes()))
}

/// True if this has the form of a secret and only shows the form.
pub(super) fn is_sample(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut seen = [false; 256];
    lower.iter().for_each(|b| seen[usize::from(*b)] = true);
    seen.iter().filter(|s| **s).count() < 5 || has_any(&lower, &SAMPLES)
}

/// True if this only stands for a secret.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    is_sample(text)
        || text.first() == Some(&b'$')
        || text.first() == Some(&b'<') && text.last() == Some(&b'>')
        || text.first() == Some(&b'%') && text.last() == Some(&b'%')
        || has_any(&text.to_ascii_lowercase(), &PLACEHOLDERS)
}

/// True if the last six characters are the CRC-32 of what stands between them and the prefix, in base 62, as GitHub
/// and npm write it.
pub(super) fn checksum_is_right(token: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some(body) = token.iter().position(|b| *b == b'_').map(|at| &token[at + 1..]) else { return false };
    let Some((text, sum)) = body.split_last_chunk::<6>() else { return false };
    let mut rest = crc32(text);
    let mut want = [0_u8; 6];
    for digit in want.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    want == *sum
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Pairs of letters that make up three quarters of English text and of the names in code. A row is the first letter.
const PAIRS: [&str; 26] = [
    "bcdgilmnprstuvy",
    "aeilorsuy",
    "aehikloru",
    "adeiorsuy",
    "acdefglmnprstvxwy",
    "aeilortu",
    "aehilorsu",
    "aeiot",
    "acdefglmnorstvz",
    "aou",
    "eilns",
    "adeiklostuvy",
    "abeimopsu",
    "acdegiknostuvy",
    "bcdfgiklmnoprstuvw",
    "aehiloprstu",
    "u",
    "acdegiklmnorstuvy",
    "aceghiklmopqstuw",
    "aehioprstuwy",
    "abcdegilmnprst",
    "aeio",
    "aehinor",
    "aceipt",
    "elops",
    "aeioz",
];

/// True if so many of the pairs in a run of letters are usual that it is a word, or several, or a piece of one.
fn is_wordish(run: &[u8]) -> bool {
    let usual = |pair: &&[u8]| {
        let [first, second] = [pair[0], pair[1]].map(|b| b.to_ascii_lowercase());
        PAIRS[usize::from(first - b'a')].as_bytes().contains(&second)
    };
    let pairs = run.len().saturating_sub(1);
    let usual = run.windows(2).filter(usual).count();
    if pairs < 4 { usual == pairs } else { usual * 10 >= pairs * 7 }
}

/// How many bytes of the text no word explains.
pub(super) fn unexplained(text: &[u8]) -> usize {
    let mut explained = 0;
    let mut rest = text;
    while let Some(first) = rest.first() {
        let len = if first.is_ascii_alphabetic() { word_len(rest) } else { 1 };
        let (run, after) = rest.split_at(len);
        if len >= 3 && is_wordish(run) {
            explained += len;
        }
        // What joins words explains itself, and letters beyond ASCII belong to some word.
        if len == 1 && (b"-_./: ".contains(first) || !first.is_ascii()) {
            explained += 1;
        }
        rest = after;
    }
    text.len() - explained
}

/// The length of a word that begins here: `Word`, `word` or `WORD`.
fn word_len(text: &[u8]) -> usize {
    let upper = text.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let lower = text[upper..].iter().take_while(|b| b.is_ascii_lowercase()).count();
    match (upper, lower) {
        (0 | 1, _) => upper + lower,
        (_, 0) => upper,
        // `HTTPServer`: the last capital belongs to the next word.
        _ => upper - 1,
    }
}

/// What a text is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Makeup {
    pub(super) upper: usize,
    pub(super) lower: usize,
    pub(super) digits: usize,
    pub(super) other: usize,
}

impl Makeup {
    pub(super) fn of(text: &[u8]) -> Makeup {
        let count = |is: fn(&u8) -> bool| text.iter().filter(|b| is(b)).count();
        let (upper, lower, digits) =
            (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
        Makeup { upper, lower, digits, other: text.len() - upper - lower - digits }
    }

    /// How many of the four sorts of characters occur.
    pub(super) fn sorts(&self) -> usize {
        [self.upper, self.lower, self.digits, self.other].iter().filter(|n| **n > 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_explain_names_and_not_keys() {
        for words in
            ["getAccessToken", "kubernetes.io/tls", "user.password.label", "service_account_name", "HTTPServerError"]
        {
            assert!(unexplained(words.as_bytes()) * 3 < words.len(), "{words}: {}", unexplained(words.as_bytes()));
        }
        for key in ["wJalrXUtnFEMI7K7MDENGbPxRfiCYzKw", "q8XkT2vbN4mZr7pL", "9f86d081884c7d659a2feaa0c55ad015"] {
            assert!(unexplained(key.as_bytes()) * 2 > key.len(), "{key}: {}", unexplained(key.as_bytes()));
        }
    }

    #[test]
    fn placeholders_are_told_from_secrets() {
        for text in [
            "xxxxxxxxxxxx",
            "<your token>",
            "${DB_PASSWORD}",
            "AKIAIOSFODNN7EXAMPLE",
            "$PASSWORD",
            "%PASSWORD%",
            "aaaaaaaabbbb",
        ] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        assert!(!is_placeholder(b"AKIAQYLPMN5HHHFPZAM7"));
    }

    #[test]
    fn the_checksum_in_a_token_is_known() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // A sample of public test suites, in two parts so that nobody takes this file for a leak.
        let token = ["ghp_", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].concat();
        assert!(checksum_is_right(token.as_bytes()));
        assert!(!checksum_is_right(token.replace("5k4", "5k5").as_bytes()));
    }
}
