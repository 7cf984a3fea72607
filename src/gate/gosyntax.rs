//! Patterns in the syntax of Go, which gitleaks reads, said in the syntax that is read here. The two agree but for a
//! few spellings; what has no equal is refused when the pattern is made ready.

/// The same pattern. It may still be one that can't be used.
pub(super) fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = false;
    while let Some(first) = rest.chars().next() {
        let len = match (first, class) {
            ('\\', _) => escape(rest, &mut out),
            ('[', false) => {
                class = true;
                opening(rest, &mut out)
            }
            ('[', true) => named_class(rest, &mut out),
            (']', true) => {
                class = false;
                plain(rest, &mut out)
            }
            // Go has no sets of sets: these are characters there.
            ('&' | '~' | '-', true) if rest[1..].starts_with(first) => {
                out.push_str(&format!("\\{first}"));
                1
            }
            ('{', false) if !is_count(rest) => {
                out.push_str("\\{");
                1
            }
            _ => plain(rest, &mut out),
        };
        rest = &rest[len..];
    }
    out
}

/// The first character as it is.
fn plain(rest: &str, out: &mut String) -> usize {
    let len = rest.chars().next().map_or(0, char::len_utf8);
    out.push_str(&rest[..len]);
    len
}

/// `\Q…\E` is literal; `\<` is a character, and here it would be the beginning of a word.
fn escape(rest: &str, out: &mut String) -> usize {
    if let Some(quoted) = rest.strip_prefix("\\Q") {
        let (text, len) = quoted.split_once("\\E").map_or((quoted, rest.len()), |(text, _)| (text, text.len() + 4));
        for c in text.chars() {
            if c.is_ascii_punctuation() && c != '<' && c != '>' {
                out.push('\\');
            }
            out.push(c);
        }
        return len;
    }
    match rest[1..].chars().next() {
        Some(c @ ('<' | '>')) => {
            out.push(c);
            2
        }
        Some(c) => {
            out.push('\\');
            out.push(c);
            1 + c.len_utf8()
        }
        None => plain(rest, out),
    }
}

/// `[`, `[^` and a `]` right after it, which is a character.
fn opening(rest: &str, out: &mut String) -> usize {
    let head = if rest.starts_with("[^") { 2 } else { 1 };
    out.push_str(&rest[..head]);
    if rest[head..].starts_with(']') {
        out.push_str("\\]");
        return head + 1;
    }
    head
}

/// `[:alpha:]` in a class, or a `[` that is a character.
fn named_class(rest: &str, out: &mut String) -> usize {
    let named = rest.strip_prefix("[:").and_then(|name| name.find(":]")).map(|at| at + 4);
    let named = named.filter(|len| rest[2..len - 2].bytes().all(|b| b.is_ascii_lowercase() || b == b'^'));
    match named {
        Some(len) => {
            out.push_str(&rest[..len]);
            len
        }
        None => {
            out.push_str("\\[");
            1
        }
    }
}

/// `{3}`, `{3,}` or `{3,5}`. Anything else, `{,5}` as well, is text in Go.
fn is_count(rest: &str) -> bool {
    let Some(inside) = rest[1..].split_once('}').map(|(inside, _)| inside) else { return false };
    let (first, second) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !first.is_empty() && is_number(first) && is_number(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_spells_otherwise_is_translated() {
        for (go, ours) in [
            (r"a\Q.*\E+\z", r"a\.\*+\z"),
            (r"(?i)x{2,5}y{,5}{z}", r"(?i)x{2,5}y\{,5}\{z}"),
            (r"[[:alpha:][&&a--b]", r"[[:alpha:]\[\&&a\--b]"),
            (r"\<tag\>", "<tag>"),
            (r"[]a]\[", r"[\]a]\["),
        ] {
            assert_eq!(translated(go), ours);
        }
    }
}
