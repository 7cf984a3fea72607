//! What only the sender may know of a bundle: the private part of its ledger line (FORMAT §5.10).

use std::io;

use serde::Serialize;

use crate::crypto::{self, Digest};
use crate::format::envelope::BundleRef;
use crate::format::manifest::NamedRecipient;

/// A document that holds secrets. Its size is found first: a buffer that grows leaves copies behind.
pub(super) fn secret_json(document: &impl Serialize) -> serde_json::Result<crypto::Secret> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut size = Count(0);
    serde_json::to_writer(&mut size, document)?;
    let mut plain = Vec::with_capacity(size.0);
    let written = serde_json::to_writer(&mut plain, document);
    let plain = crypto::Secret::new(plain);
    written.map(|()| plain)
}

fn exposed<S: serde::Serializer>(secret: &&crypto::Secret, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let text = secret.text().map_err(|_| serde::ser::Error::custom("a secret that is no text"))?;
    serializer.serialize_str(text.trim_end())
}

#[derive(Serialize)]
pub(super) struct PrivatePart<'a> {
    pub bundle: BundleRef,
    pub compartments: Vec<PrivateCompartment<'a>>,
}

#[derive(Serialize)]
pub(super) struct PrivateCompartment<'a> {
    pub n: u64,
    #[serde(serialize_with = "exposed")]
    pub identity: &'a crypto::Secret,
    pub x: Digest,
    pub recipients: Vec<NamedRecipient>,
    pub agreement: Option<String>,
    pub scope: String,
    pub revision: Option<String>,
    pub terms: String,
}
