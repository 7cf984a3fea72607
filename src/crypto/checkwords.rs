//! Check words: six words that two people compare on a call (FORMAT §8.5). The only door to `scrypt` and
//! to the BIP-39 list. Slow on purpose, so that near matches can't be ground.

use super::{Error, PublicKey, Result};

/// The six check words of a signing key.
///
/// # Errors
/// [`Error::System`] when the key can't be encoded.
pub fn check_words(key: &PublicKey) -> Result<[&'static str; 6]> {
    let bad = |e: &dyn std::fmt::Display| Error::System(format!("check words: {e}"));
    let params = scrypt::Params::new(15, 8, 1, 32).map_err(|e| bad(&e))?;
    let mut out = [0_u8; 9];
    let mut full = [0_u8; 32];
    scrypt::scrypt(&key.blob()?, b"consign check words 1", &params, &mut full).map_err(|e| bad(&e))?;
    out.copy_from_slice(&full[..9]);
    let list = bip39::Language::English.word_list();
    // The first 66 bits as six big-endian indices of 11 bits.
    let bits = out.iter().fold(0_u128, |acc, b| (acc << 8) | u128::from(*b)) >> 6;
    Ok(std::array::from_fn(|i| {
        let index = (bits >> (55 - 11 * i)) & 0x7ff;
        list[usize::try_from(index).unwrap_or(0)]
    }))
}
