//! RSA signatures: the only door to `rsa`. `ssh-key` 0.6.7 builds its RSA keys of one prime twice, so what it read is
//! put together here. The signature is `rsa-sha2-512`, never SHA-1.

/// What verifies and signs for every kind of key.
pub(super) use rsa::signature::{Signer, Verifier};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};

use super::digest::sha512;
use super::wire::put;

/// What stands before a SHA-512 hash in a PKCS #1 v1.5 signature (RFC 8017, 9.2).
const PREFIX: [u8; 19] =
    [0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40];

/// The numbers of a private key.
pub(super) struct Numbers<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
}

/// The inner signature of `data`; `None` for numbers that are no key.
pub(super) fn sign_rsa(numbers: &Numbers<'_>, data: &[u8]) -> Option<Vec<u8>> {
    let [n, e, d, p, q] = [numbers.n, numbers.e, numbers.d, numbers.p, numbers.q].map(BigUint::from_bytes_be);
    let key = RsaPrivateKey::from_components(n, e, d, vec![p, q]).ok()?;
    let padding = Pkcs1v15Sign { hash_len: Some(64), prefix: PREFIX.into() };
    // With randomness the number that is raised to the secret power is blinded.
    let made = key.sign_with_rng(&mut ssh_key::rand_core::OsRng, padding, &sha512(data)).ok()?;
    let mut signature = Vec::new();
    put(&mut signature, b"rsa-sha2-512");
    put(&mut signature, &made);
    Some(signature)
}
