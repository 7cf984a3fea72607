//! What a paper copy of the keys holds: the seeds, and what the next card needs (FORMAT §8.6.2). Bytes to types and
//! back; locking them is another floor's.

use super::error::changed;
use super::time::Time;
use super::typed::LINE_BYTES;
use super::{Error, Result};
use crate::crypto::{Digest, Hex, Secret};

/// What `paper` is called in errors.
const PART: &str = "paper copy";
const VERSION: u8 = 1;
/// The version, the number, the time and the card's id.
const HEAD: usize = 1 + 4 + 8 + 32;

/// The keys of a firm as they stand on paper.
pub struct Paper {
    /// The number of the card at that time; 0 if its first key, which makes the next one, is another's.
    pub number: u32,
    /// When that card was made.
    pub created: Time,
    /// Its id.
    pub card: Digest,
    /// The firm's name.
    pub name: String,
    /// How to reach it.
    pub contact: String,
    /// X25519 identities.
    pub classical: Vec<Secret>,
    /// Post-quantum identities.
    pub quantum: Vec<Secret>,
    /// The seed of the Ed25519 key that signs.
    pub signing: Secret,
}

/// Whether a plaintext is a paper copy rather than a text.
#[must_use]
pub fn is_paper(plain: &Secret) -> bool {
    plain.expose().first().is_some_and(|b| *b < b' ' && !b.is_ascii_whitespace())
}

impl Paper {
    /// Spells it, with zeros at its end so that `overhead` bytes more make whole lines.
    ///
    /// # Errors
    /// [`Error::Changed`] for an item of more than 255 bytes.
    pub fn to_bytes(&self, overhead: usize) -> Result<Secret> {
        let mut out = Vec::with_capacity(8 << 10);
        out.push(VERSION);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.created.unix().to_be_bytes());
        out.extend_from_slice(self.card.bytes());
        let mut items: Vec<(u8, &[u8])> = seeds(1, &self.classical);
        items.extend(seeds(2, &self.quantum));
        items.push((3, self.signing.expose()));
        items.extend([(4, self.name.as_bytes()), (5, self.contact.as_bytes())].iter().filter(|(_, t)| !t.is_empty()));
        for (kind, bytes) in items {
            let len = u8::try_from(bytes.len()).map_err(|_| changed(PART, "a name of more than 255 bytes"))?;
            out.extend_from_slice(&[kind, len]);
            out.extend_from_slice(bytes);
        }
        let whole = (out.len() + overhead).next_multiple_of(LINE_BYTES);
        out.resize(whole - overhead, 0);
        Ok(Secret::new(out))
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Newer`] for another version or an item of another kind; [`Error::Changed`].
    pub fn read(plain: &Secret) -> Result<Paper> {
        let bytes = plain.expose();
        let bad = |why: &str| changed(PART, why);
        let (head, mut rest) = bytes.split_at_checked(HEAD).ok_or_else(|| bad("it is cut short"))?;
        if head[0] != VERSION {
            return Err(Error::Newer { what: format!("paper copy {}", head[0]) });
        }
        let mut paper = Paper {
            number: u32::from_be_bytes(array(&head[1..5])),
            created: Time::from_unix(i64::from_be_bytes(array(&head[5..13]))),
            card: Hex(array(&head[13..45])),
            name: String::new(),
            contact: String::new(),
            classical: Vec::new(),
            quantum: Vec::new(),
            signing: Secret::new(Vec::new()),
        };
        while let Some((kind, after)) = rest.split_first() {
            if *kind == 0 {
                break;
            }
            let (len, after) = after.split_first().ok_or_else(|| bad("it is cut short"))?;
            let (item, after) = after.split_at_checked(usize::from(*len)).ok_or_else(|| bad("it is cut short"))?;
            paper.take(*kind, item)?;
            rest = after;
        }
        if rest.iter().any(|b| *b != 0) || rest.len() >= LINE_BYTES {
            return Err(bad("something follows its items"));
        }
        if paper.signing.expose().is_empty() || paper.classical.is_empty() && paper.quantum.is_empty() {
            return Err(bad("a key is missing"));
        }
        Ok(paper)
    }

    fn take(&mut self, kind: u8, item: &[u8]) -> Result<()> {
        let bad = |why: &str| changed(PART, why);
        let text = || String::from_utf8(item.to_vec()).map_err(|_| bad("a name that is not UTF-8"));
        if (1..=3).contains(&kind) && item.len() != 32 {
            return Err(bad("a key that does not have 32 bytes"));
        }
        let again = match kind {
            3 => !self.signing.expose().is_empty(),
            4 => !self.name.is_empty(),
            5 => !self.contact.is_empty(),
            _ => false,
        };
        if again || item.is_empty() {
            return Err(bad("an item that is empty or stands there twice"));
        }
        match kind {
            1 => self.classical.push(Secret::new(item.to_vec())),
            2 => self.quantum.push(Secret::new(item.to_vec())),
            3 => self.signing = Secret::new(item.to_vec()),
            4 => self.name = text()?,
            5 => self.contact = text()?,
            other => return Err(Error::Newer { what: format!("a paper copy with an item of kind {other}") }),
        }
        Ok(())
    }
}

fn seeds(kind: u8, list: &[Secret]) -> Vec<(u8, &[u8])> {
    list.iter().map(|seed| (kind, seed.expose())).collect()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    fn seed(byte: u8) -> Secret {
        Secret::new(vec![byte; 32])
    }

    fn paper() -> Paper {
        Paper {
            number: 3,
            created: "2026-11-23T13:40:00Z".parse().unwrap(),
            card: Hex([9; 32]),
            name: "Northwind Ltd".into(),
            contact: "dev@northwind.example".into(),
            classical: vec![seed(1), seed(4)],
            quantum: vec![seed(2)],
            signing: seed(3),
        }
    }

    #[test]
    fn what_stands_on_paper_comes_back_and_fills_whole_lines() {
        for overhead in 180..200 {
            let bytes = paper().to_bytes(overhead).unwrap();
            assert!((bytes.expose().len() + overhead).is_multiple_of(LINE_BYTES));
            assert!(is_paper(&bytes));
            let back = Paper::read(&bytes).unwrap();
            let (a, b) = (paper(), &back);
            assert_eq!(
                (a.number, a.created, a.card, a.name, a.contact),
                (b.number, b.created, b.card, b.name.clone(), b.contact.clone())
            );
            assert_eq!(back.classical.iter().map(|s| s.expose()[0]).collect::<Vec<_>>(), [1, 4]);
            assert_eq!((back.quantum[0].expose()[0], back.signing.expose()), (2, &[3; 32][..]));
        }
        assert!(!is_paper(&Secret::new(b"# a text".to_vec())) && !is_paper(&Secret::new(b"\nA".to_vec())));
    }

    #[test]
    fn other_bytes_are_refused_with_their_reason() {
        let whole = paper().to_bytes(182).unwrap().expose().to_vec();
        let word = |bytes: &[u8]| Paper::read(&Secret::new(bytes.to_vec())).err().map(|e| e.word());
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            word(&bytes)
        };
        assert_eq!(with(0, 2), Some("newer-format"));
        assert_eq!(with(HEAD, 6), Some("newer-format"));
        assert_eq!(with(HEAD + 1, 31), Some("changed"));
        assert_eq!(with(HEAD, 3), Some("changed"), "two signing keys");
        assert_eq!(with(whole.len() - 1, 1), Some("changed"));
        let end = whole.iter().rposition(|b| *b != 0).unwrap() + 1;
        let cut: Vec<_> = (0..end).filter(|len| word(&whole[..*len]).is_none()).collect();
        // Without its contact it is a paper as well.
        assert_eq!(
            cut,
            [end - 2 - paper().contact.len(), end - 4 - paper().contact.len() - paper().name.len()]
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        );
        let mut long = paper();
        long.name = "n".repeat(256);
        assert_eq!(long.to_bytes(0).err().map(|e| e.word()), Some("changed"));
    }
}
