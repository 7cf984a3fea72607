//! Names that say what is in a file: stores of private keys and of passwords. Only names that are hardly ever given
//! to anything else: a file `secrets.py` or `server.key` is judged by its contents.

use super::hit::Kind;
use super::rule::Listed;

/// Rules that no table of keywords has: names, and binary stores.
pub(super) const LISTED: [Listed; 6] = [
    Listed { word: "key-file-name", title: "name of a private key file", kind: Kind::PrivateKey },
    Listed { word: "password-file-name", title: "name of a file of passwords", kind: Kind::Secret },
    Listed { word: "java-keystore", title: "Java key store", kind: Kind::PrivateKey },
    Listed { word: "pkcs12-keystore", title: "PKCS#12 key store", kind: Kind::PrivateKey },
    Listed { word: "der-private-key", title: "private key (DER)", kind: Kind::PrivateKey },
    Listed { word: "pgp-private-key", title: "private key (OpenPGP)", kind: Kind::PrivateKey },
];

/// The rule of that word.
pub(super) fn listed(word: &str) -> Option<Listed> {
    LISTED.into_iter().find(|rule| rule.word == word)
}

const KEYS: [&str; 12] = [
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ed25519_sk",
    "identity.age",
    "keys.txt.age",
    "secring.gpg",
    "hs_ed25519_secret_key",
    "ssh_host_rsa_key",
    "ssh_host_ed25519_key",
];
const KEY_KINDS: [&str; 9] = ["p12", "pfx", "jks", "keystore", "ppk", "kdbx", "kdb", "agekey", "ovpn"];
const PASSWORDS: [&str; 10] = [
    ".netrc",
    "_netrc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".s3cfg",
    ".pypirc",
    "shadow",
    "master.key",
];

/// The rule that a path breaks by its name.
pub(super) fn rule(path: &str) -> Option<Listed> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    if KEYS.contains(&name.as_str()) || KEY_KINDS.contains(&kind) {
        return listed("key-file-name");
    }
    let within = |folder: &str| path.to_ascii_lowercase().ends_with(&format!("{folder}/{name}"));
    let known = match name.as_str() {
        "credentials" => within(".aws"),
        "shadow" => within("etc"),
        "master.key" => within("config"),
        _ => PASSWORDS.contains(&name.as_str()),
    };
    known.then(|| listed("password-file-name")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_key_stores_are_known_and_ordinary_names_are_not() {
        for path in ["a/id_rsa", "x/Server.PFX", "release.jks", ".netrc", "home/.aws/credentials", "etc/shadow"] {
            assert!(rule(path).is_some(), "{path}");
        }
        for path in ["id_rsa.pub", "docs/credentials", "src/shadow", "key.rs", "p12", "a/.env", "netrc.py", "keystore"]
        {
            assert!(rule(path).is_none(), "{path}");
        }
    }
}
