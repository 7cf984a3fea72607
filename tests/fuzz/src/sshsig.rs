//! Signatures. An even first byte: the rest is armour. An odd one: the rest is the bytes inside, which are armoured
//! first as they must be. Nobody but the sender can sign, so what fits must be the very seed.

use base64::Engine;
use consign::class::Fault;
use consign::crypto::{PublicKey, split_armours};

use super::firm;

pub const NAMESPACE: &str = "consign-bundle-v1";
pub const MESSAGE: &[u8] = b"hello";

pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let armour = if mode % 2 == 0 { rest.to_vec() } else { armoured(rest) };
    splits(&armour);
    match PublicKey::verify(&armour, NAMESPACE, MESSAGE, "x") {
        Ok(key) if key == firm::sender().public() => {
            let only = firm::sender().sign(NAMESPACE, MESSAGE).unwrap();
            assert_eq!(String::from_utf8(armour).unwrap(), only);
        }
        Ok(key) => {
            assert!(PublicKey::verify(&armour, NAMESPACE, b"hellp", "x").is_err());
            assert!(PublicKey::verify(&armour, "consign-card-v1", MESSAGE, "x").is_err());
            assert_eq!(key.line().unwrap().parse::<PublicKey>().unwrap(), key);
        }
        Err(e) => assert_eq!(e.word(), "bad-signature", "{e}"),
    }
}

fn armoured(blob: &[u8]) -> Vec<u8> {
    let text = base64::engine::general_purpose::STANDARD.encode(blob);
    let mut out = b"-----BEGIN SSH SIGNATURE-----\n".to_vec();
    for line in text.as_bytes().chunks(70) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(b"-----END SSH SIGNATURE-----\n");
    out
}

fn splits(armour: &[u8]) {
    let Ok(text) = std::str::from_utf8(armour) else { return };
    if let Some(some) = split_armours(text) {
        assert_eq!(some.concat(), text);
    }
}
