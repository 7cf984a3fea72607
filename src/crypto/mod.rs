//! Floor 1, the locksmith: keys, envelopes, signatures, hashes. It knows no paths and no policy.
//! Each outside crate of cryptography has exactly one door here.

mod agehead;
mod agent;
mod certificate;
mod checkwords;
mod digest;
mod encrypt;
mod error;
mod hybrid;
mod identity;
mod plugfault;
mod plugin;
mod privatekey;
mod publickey;
mod relock;
mod rsakey;
mod secret;
mod seeds;
mod sign;
mod signature;
mod sshfile;
mod sshsig;
mod wire;

pub use agehead::{AgeHead, HeadLimits, Stanza};
pub use agent::{Agent, AgentKey, Channel, Connect};
pub use certificate::Certificate;
pub use checkwords::check_words;
pub use digest::{
    Digest, Hasher, Hex, SliceHash, Tag, derive, digest, entry_salt, keyed, keyed_hasher, merge_slices, sha256,
    slice_hash,
};
pub use encrypt::{CompartmentKey, Recipient, armour, encrypt_to, encrypt_with_passphrase, is_post_quantum, is_secret};
pub use error::{Error, Result};
pub use hybrid::{Identity as HybridIdentity, Recipient as HybridRecipient};
pub use identity::{
    Identities, Opened, Pair, canonical_recipient, dearmour, new_identities, new_identity, open_locked, unlock_file,
};
pub use plugfault::PluginFault;
pub use plugin::{PluginRecipient, Plugins, Talk, is_name as is_plugin_name};
pub use publickey::{Fingerprint, PublicKey};
pub use relock::relock;
pub use secret::{PassphraseSource, Secret, random};
pub use seeds::{SeedKind, identity_line, seed_of};
pub use sign::{Signer, SigningKey, checked_armour};
pub use signature::{Presence, Signature};
pub use sshfile::{SshKey, opens};
pub use sshsig::split_armours;
