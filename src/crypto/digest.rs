//! Hashes: the only door to `blake3` (and to SHA-256 for the envelope's second digest).
//! It hashes bytes and knows no files. FORMAT "Notation", §5.1, §5.2.

use std::fmt;
use std::str::FromStr;

use blake3::hazmat::{self, HasherExt, Mode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `N` bytes that are spelled as lower-case hex in every document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// A BLAKE3-256 hash.
pub type Digest = Hex<32>;
/// A recipient tag of a bundle (FORMAT §2.3).
pub type Tag = Hex<16>;

impl<const N: usize> Hex<N> {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Appends the lower-case spelling to `out`.
    pub fn push_to(&self, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0 {
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }

    /// Reads exactly `2 N` lower-case hex digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 2 * N || text.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut bytes = [0; N];
        const_hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Hex(bytes))
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Hex::parse(text.as_bytes()).ok_or("not lower-case hex of the right length")
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An incremental BLAKE3 hash, plain or keyed.
#[derive(Clone)]
pub struct Hasher(blake3::Hasher);

impl Default for Hasher {
    fn default() -> Self {
        Hasher(blake3::Hasher::new())
    }
}

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The hash of everything added so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Hex(*self.0.finalize().as_bytes())
    }
}

/// H(bytes).
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Hex(*blake3::hash(bytes).as_bytes())
}

/// K(key, bytes).
#[must_use]
pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> Digest {
    Hex(*blake3::keyed_hash(key, bytes).as_bytes())
}

/// An incremental K(key, …).
#[must_use]
pub fn keyed_hasher(key: &[u8; 32]) -> Hasher {
    Hasher(blake3::Hasher::new_keyed(key))
}

/// D(context, material).
#[must_use]
pub fn derive(context: &str, material: &[u8]) -> Digest {
    Hex(blake3::derive_key(context, material))
}

/// The key of the per-entry salts of a compartment: D("consign 1 entry salt", nonce). FORMAT §5.1.
#[must_use]
pub fn entry_salt(nonce: &[u8; 32]) -> [u8; 32] {
    derive("consign 1 entry salt", nonce).0
}

/// SHA-256, for the envelope's second digest of B3SUMS.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Hex(sha2::Sha256::digest(bytes).into())
}

/// SHA-512, which an SSHSIG hashes its message with.
pub(super) fn sha512(bytes: &[u8]) -> [u8; 64] {
    use sha2::Digest as _;
    sha2::Sha512::digest(bytes).into()
}

/// The chaining value of one slice of a large file, so that slices are hashed by different workers.
#[derive(Clone, Copy)]
pub struct SliceHash([u8; 32]);

/// Hashes one slice that starts at `offset` bytes into its file.
///
/// The slice length is the same power of two (of at least 1,024 bytes) for all slices but the last, and
/// `offset` is a multiple of it; so each slice is a whole subtree. Only for files of more than one slice.
#[must_use]
pub fn slice_hash(offset: u64, bytes: &[u8]) -> SliceHash {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    SliceHash(hasher.finalize_non_root())
}

/// The ordinary BLAKE3 hash of a file from the hashes of its slices, in order. `None` for fewer than two.
#[must_use]
pub fn merge_slices(slices: &[SliceHash]) -> Option<Digest> {
    let (left, right) = split(slices)?;
    let root = hazmat::merge_subtrees_root(&merge(left)?, &merge(right)?, Mode::Hash);
    Some(Hex(*root.as_bytes()))
}

fn split(slices: &[SliceHash]) -> Option<(&[SliceHash], &[SliceHash])> {
    if slices.len() < 2 {
        return None;
    }
    // BLAKE3 splits at the largest power of two below the length; slices are equal powers of two.
    slices.split_at_checked(slices.len().div_ceil(2).next_power_of_two())
}

fn merge(slices: &[SliceHash]) -> Option<[u8; 32]> {
    match slices {
        [one] => Some(one.0),
        _ => {
            let (left, right) = split(slices)?;
            Some(hazmat::merge_subtrees_non_root(&merge(left)?, &merge(right)?, Mode::Hash))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_merge_to_the_ordinary_hash() {
        let data: Vec<u8> = (0..40_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        for len in [1025, 2048, 2049, 3000, 4096, 4097, 9 * 1024, 17 * 1024 + 1, 40_000] {
            for slice in [1024_usize, 2048, 8192] {
                let data = &data[..len];
                if len <= slice {
                    continue;
                }
                let parts: Vec<SliceHash> =
                    data.chunks(slice).enumerate().map(|(i, part)| slice_hash((i * slice) as u64, part)).collect();
                assert_eq!(merge_slices(&parts), Some(digest(data)), "{len} in slices of {slice}");
            }
        }
    }

    #[test]
    fn hex_has_one_spelling() {
        let tag: Tag = "00ff00ff00ff00ff00ff00ff00ff00ff".parse().unwrap();
        assert_eq!(tag.to_string(), "00ff00ff00ff00ff00ff00ff00ff00ff");
        assert!("00FF00ff00ff00ff00ff00ff00ff00ff".parse::<Tag>().is_err());
        assert!("00ff".parse::<Tag>().is_err());
    }
}
