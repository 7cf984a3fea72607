//! Private keys in text. Those that are binary are known by their first bytes (`gate/keys.rs`).

use crate::gate::keys;
use crate::gate::rule::{Proof, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule::code("private-key", "private key (PEM)", &["-----BEGIN "], keys::pem).key(),
    Rule::code("gcp-service-account", "GCP service account key", &["-----BEGIN "], keys::service_account).key(),
    Rule::code("openssh-private-key", "private key (OpenSSH)", &["-----BEGIN "], keys::openssh).key(),
    Rule::code("pgp-private-key", "private key (OpenPGP)", &["-----BEGIN "], keys::pgp).key(),
    Rule::code("ssh2-private-key", "private key (SSH2)", &["---- BEGIN SSH2 "], keys::ssh2).key(),
    Rule::token(
        "putty-private-key",
        "private key (PuTTY)",
        &["PuTTY-User-Key-File-"],
        r"PuTTY-User-Key-File-[123]: [^\r\n]{3,60}\r?\nEncryption: (?s:.{1,3000}?)Private-Lines: \d{1,4}\r?\n([0-9A-Za-z+/=\r\n]{20,})",
    )
    .limit(4096)
    .key(),
    Rule::token("age-identity", "age identity", &["AGE-SECRET-KEY-"], r"AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{58,120}\b").key(),
    Rule::token("age-plugin-identity", "age identity of a plugin", &["AGE-PLUGIN-"], r"AGE-PLUGIN-[0-9A-Z+._-]{1,40}1[02-9AC-HJ-NP-Z]{20,400}\b").key(),
    Rule::token(
        "minisign-secret-key",
        "private key (minisign, signify)",
        &["untrusted comment: "],
        r"untrusted comment: [^\r\n]{0,1024}\r?\n(R[WU][0-9A-Za-z+/]{136,230}={0,2})(?:\s|\z)",
    )
    .limit(1400)
    .key(),
    Rule::code("jwk-private-key", "private key (JWK)", &["\"kty\""], keys::jwk).key(),
    Rule::token(
        "wireguard-private-key",
        "private key (WireGuard)",
        &["rivateKey", "resharedKey"],
        r"(?:PrivateKey|PresharedKey)\s{0,4}=\s{0,4}([0-9A-Za-z+/]{43}=)(?:\s|\z)",
    )
    .back(1)
    .key(),
    Rule::token("tor-private-key", "private key (Tor)", &["== ed25519v1-secret"], r"== ed25519v1-secret: type0 ==").proof(Proof::Done).key(),
    Rule::code("ethereum-keystore", "private key (Ethereum keystore)", &["\"ciphertext\""], keys::keystore).key(),
];
