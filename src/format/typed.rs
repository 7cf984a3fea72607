//! Typed lines: bytes that a person types back from paper, with check digits in every line, so that a mistake is found
//! where it was made (FORMAT §8.6.3).

use std::collections::BTreeMap;

use super::error::changed;
use super::{Error, Result};

/// The bytes of one line.
pub const LINE_BYTES: usize = 20;
/// The most lines.
pub const LINES_MAX: usize = 99;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA: usize = 32;
const LEN: usize = DATA + 3;
const PRIME: u32 = 32_749;
/// What a line leaves modulo [`PRIME`].
const GOES_ON: u32 = 1;
/// What the last one leaves.
const LAST: u32 = 100;

/// One line, typed without a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// Its bytes.
    pub bytes: [u8; LINE_BYTES],
    /// Whether no other follows.
    pub last: bool,
}

/// Spells bytes as lines, with their numbers. `None` unless there are 1 to 99 whole lines of them.
#[must_use]
pub fn spell(bytes: &[u8]) -> Option<Vec<String>> {
    let (lines, rest) = bytes.as_chunks::<LINE_BYTES>();
    if !rest.is_empty() || lines.is_empty() || lines.len() > LINES_MAX {
        return None;
    }
    let spelled = lines.iter().enumerate().map(|(at, bytes)| {
        let last = if at + 1 == lines.len() { LAST } else { GOES_ON };
        let digits = with_check(at + 1, &to_digits(bytes), last);
        let text: Vec<u8> = digits.iter().map(|d| DIGITS[usize::from(*d)]).collect();
        let groups: Vec<&str> = text.chunks(4).map(|g| std::str::from_utf8(g).unwrap_or_default()).collect();
        let (check, data) = groups.split_last().map_or(("", &[][..]), |(check, data)| (check, data));
        format!("{:02}  {}  {check}", at + 1, data.join(" "))
    });
    Some(spelled.collect())
}

/// Reads one line, of which the number is known and not in the text.
///
/// # Errors
/// [`Error::Mistyped`].
pub fn read_line(number: usize, text: &str) -> Result<TypedLine> {
    let wrong = |why: String| Error::Mistyped { line: number, why };
    let mut digits = Vec::with_capacity(LEN);
    for typed in text.chars().filter(|c| !is_gap(*c)) {
        digits.push(digit(typed).ok_or_else(|| wrong(format!("`{typed}` is not one of its letters and digits")))?);
    }
    // The number may stand before them without a space.
    let glued = [number / 10, number % 10].map(|n| u8::try_from(n).unwrap_or(u8::MAX));
    if digits.len() == LEN + 2 && digits.starts_with(&glued) {
        digits.drain(..2);
    }
    let Ok(digits) = <[u8; LEN]>::try_from(&digits[..]) else {
        return Err(wrong(format!("it has {} letters and digits, not {LEN}", digits.len())));
    };
    match judge(number, &digits) {
        Some(last) => Ok(TypedLine { bytes: to_bytes(&digits), last }),
        None => Err(wrong(match suggest(number, &digits) {
            Some((group, right)) => format!("a mistake in it; should group {group} be {right}?"),
            None => "its last three do not fit what is before them".to_owned(),
        })),
    }
}

/// Reads all lines of a text in which each begins with its number; other lines are passed over. If none does, each line
/// that could be one is the next.
///
/// # Errors
/// [`Error::Mistyped`] for the first line that is wrong or missing.
pub fn read_lines(text: &str) -> Result<Vec<u8>> {
    let mut found = numbered_lines(text)?;
    if found.is_empty() {
        found = (1..).zip(text.lines().filter(|line| could_be_one(line))).collect();
    }
    let mut bytes = Vec::new();
    for number in 1..=LINES_MAX {
        let Some(text) = found.remove(&number) else {
            return Err(Error::Mistyped { line: number, why: "it is missing".to_owned() });
        };
        let line = read_line(number, text)?;
        bytes.extend_from_slice(&line.bytes);
        if line.last {
            return match found.keys().next() {
                Some(more) => Err(Error::Mistyped { line: *more, why: "it comes after the last one".to_owned() }),
                None => Ok(bytes),
            };
        }
    }
    Err(changed("typed lines", "there are more than 99"))
}

/// Whether a text has typed lines in it.
#[must_use]
pub fn has_lines(text: &str) -> bool {
    text.lines().any(|line| numbered(line).is_some() || could_be_one(line))
}

fn numbered_lines(text: &str) -> Result<BTreeMap<usize, &str>> {
    let mut found: BTreeMap<usize, &str> = BTreeMap::new();
    for (line, text) in text.lines().filter_map(numbered) {
        if found.insert(line, text).is_some_and(|other| compact(other) != compact(text)) {
            return Err(Error::Mistyped { line, why: "it stands there twice, and differs".to_owned() });
        }
    }
    Ok(found)
}

/// A line's number and the rest, if it begins with one and the rest could be digits.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let line = line.trim();
    let (first, rest) = line.split_once([' ', '\t', ':', '.', ')'])?;
    let first: String = first.chars().map(|c| digit(c).map_or(c, |d| char::from(DIGITS[usize::from(d)]))).collect();
    if first.len() > 2 || !could_be_one(rest) {
        return None;
    }
    first.parse().ok().filter(|n| (1..=LINES_MAX).contains(n)).map(|n| (n, rest))
}

/// Whether a text is, or nearly is, the digits of one line.
fn could_be_one(text: &str) -> bool {
    let text = text.trim_start_matches([' ', '\t', ':', '.', ')']);
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'\t' | b'-'));
    let groups = text.split_whitespace().count();
    plain && (LEN - 10..=LEN + 10).contains(&compact(text).len()) && (groups > 4 || groups == 1)
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| !is_gap(*c)).map(|c| c.to_ascii_uppercase()).collect()
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | ':' | '.' | ')')
}

/// The value of a digit, as people write and read it.
fn digit(typed: char) -> Option<u8> {
    let plain = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = DIGITS.iter().position(|d| char::from(*d) == plain)?;
    u8::try_from(at).ok()
}

fn to_digits(bytes: &[u8; LINE_BYTES]) -> [u8; DATA] {
    let bit = |at: usize| (bytes[at / 8] >> (7 - at % 8)) & 1;
    std::array::from_fn(|at| (0..5).fold(0, |digit, n| digit << 1 | bit(5 * at + n)))
}

fn to_bytes(digits: &[u8; LEN]) -> [u8; LINE_BYTES] {
    let bit = |at: usize| (digits[at / 5] >> (4 - at % 5)) & 1;
    std::array::from_fn(|at| (0..8).fold(0, |byte, n| byte << 1 | bit(8 * at + n)))
}

/// What the line leaves modulo [`PRIME`], read as one number.
fn remainder(number: usize, digits: &[u8]) -> u32 {
    let number = u32::try_from(number).unwrap_or_default() % PRIME;
    digits.iter().fold(number, |sum, digit| (sum * 32 + u32::from(*digit)) % PRIME)
}

fn with_check(number: usize, data: &[u8; DATA], wanted: u32) -> [u8; LEN] {
    let mut digits = [0; LEN];
    digits[..DATA].copy_from_slice(data);
    let check = (PRIME + wanted - remainder(number, &digits)) % PRIME;
    for (at, digit) in digits[DATA..].iter_mut().rev().enumerate() {
        *digit = u8::try_from(check >> (5 * at) & 31).unwrap_or_default();
    }
    digits
}

/// Whether the check digits fit, and if so, whether it is the last line.
fn judge(number: usize, digits: &[u8; LEN]) -> Option<bool> {
    if remainder(0, &digits[DATA..]) != digits[DATA..].iter().fold(0, |sum, d| sum << 5 | u32::from(*d)) {
        return None;
    }
    match remainder(number, digits) {
        GOES_ON => Some(false),
        LAST => Some(true),
        _ => None,
    }
}

/// The one group that, with one digit changed or two neighbours swapped, would make the line right.
fn suggest(number: usize, digits: &[u8; LEN]) -> Option<(usize, String)> {
    let mut right = Vec::new();
    for at in 0..LEN {
        for other in (0..32).filter(|d| *d != digits[at]) {
            let mut tried = *digits;
            tried[at] = other;
            right.extend(judge(number, &tried).map(|_| (at, tried)));
        }
        let mut tried = *digits;
        if at + 1 < LEN && tried[at] != tried[at + 1] {
            tried.swap(at, at + 1);
            right.extend(judge(number, &tried).map(|_| (at, tried)));
        }
    }
    let [(at, digits)] = right[..] else { return None };
    let group = digits.chunks(4).nth(at / 4).unwrap_or_default();
    Some((at / 4 + 1, group.iter().map(|d| char::from(DIGITS[usize::from(*d)])).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(len: usize) -> impl Strategy<Value = Vec<u8>> {
        (1..=len).prop_flat_map(|lines| prop::collection::vec(any::<u8>(), lines * LINE_BYTES))
    }

    /// The line's number and its digits, without spaces.
    fn parts(line: &str) -> (usize, Vec<u8>) {
        let (number, digits) = numbered(line).unwrap();
        (number, compact(digits).into_bytes())
    }

    fn read(number: usize, digits: &[u8]) -> Result<TypedLine> {
        read_line(number, std::str::from_utf8(digits).unwrap())
    }

    proptest! {
        // Each case tries every mistake there is, some 2,500 in a line.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_single_wrong_digit_and_every_swap_is_found_in_its_line(bytes in block(2)) {
            for line in spell(&bytes).unwrap() {
                let (number, digits) = parts(&line);
                prop_assert!(read(number, &digits).is_ok());
                for at in 0..LEN {
                    for other in DIGITS.iter().filter(|d| **d != digits[at]) {
                        let mut typed = digits.clone();
                        typed[at] = *other;
                        prop_assert!(read(number, &typed).is_err());
                    }
                    for with in (0..at).filter(|with| digits[*with] != digits[at]) {
                        let mut typed = digits.clone();
                        typed.swap(at, with);
                        prop_assert!(read(number, &typed).is_err());
                    }
                    let (mut less, mut more) = (digits.clone(), digits.clone());
                    less.remove(at);
                    more.insert(at, digits[at]);
                    prop_assert!(read(number, &less).is_err());
                    prop_assert!(read(number, &more).is_err());
                }
                for other in (1..=LINES_MAX).filter(|n| *n != number) {
                    prop_assert!(read(other, &digits).is_err());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_typed_as_it_stands_comes_back(bytes in block(LINES_MAX)) {
            let lines = spell(&bytes).unwrap();
            prop_assert_eq!(read_lines(&lines.join("\n")).unwrap(), &bytes[..]);
            let sloppy = lines.join("\r\n").to_lowercase().replace('0', "o").replace('1', "l").replace("  ", " - ");
            prop_assert_eq!(read_lines(&sloppy).unwrap(), &bytes[..]);
            let bare: Vec<String> = lines.iter().map(|l| compact(numbered(l).unwrap().1)).collect();
            prop_assert_eq!(read_lines(&bare.join("\n")).unwrap(), bytes);
        }

        #[test]
        fn a_suggestion_is_right_when_one_digit_was_wrong(bytes in block(2), at in 0..LEN, by in 1u8..32) {
            let (number, mut typed) = parts(&spell(&bytes).unwrap()[0]);
            let right: String = typed.chunks(4).nth(at / 4).unwrap().iter().map(|d| char::from(*d)).collect();
            let value = digit(char::from(typed[at])).unwrap();
            typed[at] = DIGITS[usize::from((value + by) % 32)];
            let told = read(number, &typed).unwrap_err().to_string();
            let (group, silent) = (format!("group {} be {right}?", at / 4 + 1), "do not fit");
            prop_assert!(told.contains(&group) || told.contains(silent), "{}", told);
        }

        #[test]
        fn nothing_that_is_typed_makes_it_panic(text in ".{0,200}", number in 0usize..2000) {
            let _ = (read_line(number, &text), read_lines(&text), has_lines(&text));
        }
    }

    #[test]
    fn lines_that_are_missing_doubled_or_too_many_are_named() {
        let lines = spell(&[7; 5 * LINE_BYTES]).unwrap();
        let told = |lines: &[&String]| {
            read_lines(&lines.iter().map(|l| l.as_str()).collect::<Vec<_>>().join("\n")).unwrap_err().to_string()
        };
        let [a, b, c, d, e] = &lines[..] else { unreachable!() };
        assert!(told(&[a, b, d, e]).contains("line 3"), "{}", told(&[a, b, d, e]));
        assert!(told(&[a, b, c, d]).contains("line 5"));
        assert!(read_lines(&format!("{e}\n{b}\n{a}\n{c}\nwords\n{d}\n{d}")).is_ok());
        let changed = format!("{}{}", &c[..c.len() - 1], if c.ends_with('0') { '2' } else { '0' });
        assert!(told(&[a, b, c, &changed, d, e]).contains("line 3"));
        let sixth = c.replacen("03", "06", 1);
        assert!(told(&[a, b, c, d, e, &sixth]).contains("line 6"));
        assert!(spell(&[0; 19]).is_none() && spell(&[]).is_none() && spell(&[0; 100 * LINE_BYTES]).is_none());
    }
}
