//! The two firms of the fuzzer: a sender that signs and a vendor that opens, with keys that never change, so that an
//! input means the same on every machine. Nobody uses these keys for anything else.

use std::sync::{Arc, OnceLock};

use consign::crypto::{CompartmentKey, Identities, PublicKey, Secret, SigningKey};

use super::support::NoPassphrase;

pub const SENDER: &[u8] = include_bytes!("../keys/sender");
pub const COMPARTMENT: &[u8] = include_bytes!("../keys/compartment");
pub const VENDOR: &[u8] = include_bytes!("../../../testdata/golden/format-1/vendor.key");
pub const GOLDEN: &[u8] = include_bytes!("../../../testdata/golden/format-1/golden-1.consign");
const GOLDEN_SENDER: &str = include_str!("../../../testdata/golden/format-1/sender.pub");

/// Signs what the fuzzer made up.
pub fn sender() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::read(&Secret::new(SENDER.to_vec()), "sender", &NoPassphrase).unwrap())
}

/// Who signed the bundle in `testdata/golden`.
pub fn golden_sender() -> PublicKey {
    GOLDEN_SENDER.parse().unwrap()
}

/// Opens what is locked to the vendor.
pub fn vendor() -> &'static Identities {
    static KEYS: OnceLock<Identities> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut identities = Identities::new(Arc::new(NoPassphrase));
        identities.add(&Secret::new(VENDOR.to_vec()), "vendor").unwrap();
        identities
    })
}

/// The vendor's recipient string.
pub fn recipient() -> String {
    vendor().recipients().next().unwrap().to_owned()
}

/// The key of every compartment that is made up here.
pub fn compartment() -> &'static CompartmentKey {
    static KEY: OnceLock<CompartmentKey> = OnceLock::new();
    KEY.get_or_init(|| CompartmentKey::parse(&Secret::new(COMPARTMENT.to_vec()), "compartment").unwrap())
}
