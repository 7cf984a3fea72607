//! Seeds: the 32 bytes that an identity line spells, for copies that people type (FORMAT §8.6.2), and back.

use age_core::primitives::{bech32_decode, bech32_encode};
use bech32::Hrp;
use zeroize::Zeroizing;

use super::Secret;

const CLASSICAL: Hrp = Hrp::parse_unchecked("age-secret-key-");
const POST_QUANTUM: Hrp = Hrp::parse_unchecked("age-secret-key-pq-");

/// The kinds of identity that are 32 bytes and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedKind {
    /// `AGE-SECRET-KEY-1…`
    Classical,
    /// `AGE-SECRET-KEY-PQ-1…`
    PostQuantum,
}

impl SeedKind {
    fn of(hrp: Hrp) -> Option<SeedKind> {
        [SeedKind::Classical, SeedKind::PostQuantum].into_iter().find(|kind| kind.hrp() == hrp)
    }

    fn hrp(self) -> Hrp {
        match self {
            SeedKind::Classical => CLASSICAL,
            SeedKind::PostQuantum => POST_QUANTUM,
        }
    }
}

/// The seed that an identity line spells; `None` for any other line.
#[must_use]
pub fn seed_of(line: &str) -> Option<(SeedKind, Secret)> {
    let known = |hrp: Hrp| SeedKind::of(hrp).map(drop).ok_or(());
    let seed = |hrp: Hrp, bytes: bech32::primitives::decode::ByteIter<'_>| {
        let mut seed = Vec::with_capacity(33);
        seed.extend(bytes.take(33));
        let seed = Secret::new(seed);
        if seed.expose().len() == 32 { SeedKind::of(hrp).map(|kind| (kind, seed)).ok_or(()) } else { Err(()) }
    };
    bech32_decode(line, |_| (), known, seed).ok()
}

/// The identity line of a seed, in upper case.
#[must_use]
pub fn identity_line(kind: SeedKind, seed: &Secret) -> Secret {
    let lower = Zeroizing::new(bech32_encode(kind.hrp(), seed.expose()));
    Secret::new(lower.to_ascii_uppercase().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::new_identities;

    #[test]
    fn a_line_and_its_seed_are_the_same_key() {
        let pair = new_identities("now").unwrap();
        let lines: Vec<&str> = pair.file.text().unwrap().lines().filter(|l| !l.starts_with('#')).collect();
        let kinds: Vec<SeedKind> = lines
            .iter()
            .map(|line| {
                let (kind, seed) = seed_of(line).unwrap();
                assert_eq!(identity_line(kind, &seed).text().unwrap(), *line);
                kind
            })
            .collect();
        assert_eq!(kinds, [SeedKind::Classical, SeedKind::PostQuantum]);
        for other in
            [pair.classical.as_str(), "AGE-PLUGIN-YUBIKEY-1QQQ", "", lines[0].trim_end_matches(char::is_alphanumeric)]
        {
            assert!(seed_of(other).is_none(), "{other}");
        }
    }
}
