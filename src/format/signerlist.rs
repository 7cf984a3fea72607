//! Files that name signing keys: bare public keys, or lines as in `allowed_signers` (ssh-keygen(1)). For
//! `verify --signer FILE` and FORMAT §8.4.

use super::Result;
use super::error::changed;
use crate::crypto::PublicKey;

/// Reads the keys of such a file that may sign bundles.
///
/// # Errors
/// [`super::Error::Changed`] for a line that is neither, and for options that this version does not honour.
pub fn parse(bytes: &[u8]) -> Result<Vec<PublicKey>> {
    let text = std::str::from_utf8(bytes).map_err(|_| changed("signer file", "not a text"))?;
    let mut keys = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let part = format!("signer file, line {}", n + 1);
        if let Some(key) = parse_line(line).map_err(|why| changed(part, why))? {
            keys.push(key);
        }
    }
    if keys.is_empty() { Err(changed("signer file", "there is no key for bundles in it")) } else { Ok(keys) }
}

fn parse_line(line: &str) -> std::result::Result<Option<PublicKey>, String> {
    if let Ok(key) = line.parse() {
        return Ok(Some(key));
    }
    let (_, rest) = line.split_once(char::is_whitespace).ok_or("neither a public key nor principals and a key")?;
    let rest = rest.trim_start();
    if let Ok(key) = rest.parse() {
        return Ok(Some(key));
    }
    let (options, key) = rest.split_once(char::is_whitespace).ok_or("no public key")?;
    let key: PublicKey = key.trim_start().parse().map_err(|_| "not a public key that is taken here")?;
    match options.strip_prefix("namespaces=\"").and_then(|o| o.strip_suffix('"')) {
        Some(list) => Ok(list.split(',').any(|n| n == super::envelope::NAMESPACE).then_some(key)),
        None => Err(format!("the option `{options}` is not supported yet; only namespaces=\"…\" is")),
    }
}
