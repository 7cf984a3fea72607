//! The check words of the firm's own keys, computed once. They are slow to compute on purpose (FORMAT §8.5), and every
//! cover note has them. What is kept is signed by the key itself, so that nobody who writes into the home can have the
//! firm read out words of another key.

use serde::{Deserialize, Serialize};

use super::{Home, Result};
use crate::crypto::{self, Fingerprint, Signer, check_words};
use crate::files;
use crate::format::document::Document;
use crate::format::json;
use crate::format::version::DOCUMENT_MAX;

const NAMESPACE: &str = "consign-words-v1";

/// Line 1 of the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    consign: String,
    key: Fingerprint,
    words: String,
}

/// The six check words of a signing key, with spaces between them.
///
/// # Errors
/// When the key can't be encoded. A home that can't be read or written only costs time.
pub(super) fn of(home: &Home, signer: &dyn Signer) -> Result<String> {
    if let Some(words) = kept(home, signer) {
        return Ok(words);
    }
    let words = check_words(&signer.public())?.join(" ");
    // Without it the next note takes a tenth of a second longer, which is not worth a touch or a question.
    if signer.is_at_hand() {
        let _unused = keep(home, signer, &words);
    }
    Ok(words)
}

fn kept(home: &Home, signer: &dyn Signer) -> Option<String> {
    let document = Document::split(&files::read_small(&home.words(), DOCUMENT_MAX).ok()?, "words").ok()?;
    let kept: Kept = json::parse_kind(&document.line, "words", "words").ok()?;
    let by = document.verify(NAMESPACE, "words").ok()?;
    (by == [signer.public()] && kept.key == signer.public().fingerprint()).then_some(kept.words)
}

fn keep(home: &Home, signer: &dyn Signer, words: &str) -> Result<()> {
    let kept = Kept { consign: "words/1".to_owned(), key: signer.public().fingerprint(), words: words.to_owned() };
    let line = serde_json::to_vec(&kept).map_err(|e| crypto::Error::System(e.to_string()))?;
    let armours = vec![signer.sign(NAMESPACE, &line)?];
    files::write_new(&home.words(), &Document { line, armours }.to_bytes(), true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    /// A key that is not at hand, and must not be asked.
    struct Dear(SigningKey);

    impl Signer for Dear {
        fn public(&self) -> crypto::PublicKey {
            self.0.public()
        }

        fn sign(&self, _: &str, _: &[u8]) -> crypto::Result<String> {
            unreachable!("a touch for nothing")
        }
    }

    #[test]
    fn words_are_kept_for_their_own_key_and_believed_only_with_its_signature() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let (mine, theirs) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let words = |key: &SigningKey| check_words(&key.public()).unwrap().join(" ");
        assert_eq!(of(&home, &mine).unwrap(), words(&mine));
        assert_eq!(kept(&home, &mine), Some(words(&mine)));
        assert_eq!(kept(&home, &theirs), None);
        // What another key says of ours, or of its own, counts for nothing; nor does a changed line.
        keep(&home, &theirs, "these are other words than ours").unwrap();
        assert_eq!(of(&home, &mine).unwrap(), words(&mine));
        let text = std::fs::read_to_string(home.words()).unwrap();
        std::fs::write(home.words(), text.replacen(&words(&mine), "six words of somebody else here", 1)).unwrap();
        assert_eq!(kept(&home, &mine), None);
        assert_eq!(of(&home, &mine).unwrap(), words(&mine));
        // A key that costs a touch is not asked.
        let dear = Dear(SigningKey::generate().unwrap());
        assert_eq!(of(&home, &dear).unwrap(), words(&dear.0));
        // A home that is not there is not made for it.
        let none = Home::at(dir.path().join("none"));
        assert_eq!(of(&none, &mine).unwrap(), words(&mine));
        assert!(!none.path().exists());
    }
}
