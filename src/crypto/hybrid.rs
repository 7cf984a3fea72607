//! Post-quantum recipients: the age recipient type `mlkem768x25519` (C2SP "age"), which is HPKE (RFC 9180) over the KEM
//! of ML-KEM-768 and X25519 joined as in draft-connolly-cfrg-xwing-kem. The KEM is put together here of crates that age
//! links; HPKE and the envelope are age's own. Both halves would have to be broken to open such a file.
//!
//! This file goes when the `age` crate has the type itself.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, hpke_open, hpke_seal};
use bech32::Hrp;
use hpke::generic_array::typenum::{Sum, U32, U96, U192, U1024, Unsigned};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::kem::Decapsulate;
use ml_kem::{EncapsulateDeterministic, EncodedSizeUser, KemCore, MlKem768};
use sha3::digest::{Digest, ExtendableOutput, Update, XofReader};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{Secret, random};

/// How the strings of such recipients begin.
pub(super) const RECIPIENT_PREFIX: &str = "age1pq1";
/// How the strings of such identities begin.
pub(super) const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-PQ-1";

const RECIPIENT: Hrp = Hrp::parse_unchecked("age1pq");
const IDENTITY: Hrp = Hrp::parse_unchecked("age-secret-key-pq-");
const STANZA: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// The label of the KEM's combiner, six bytes that draw a wing.
const COMBINER: &[u8] = b"\\.//^\\";

/// Bytes of an ML-KEM-768 encapsulation key, and of a ciphertext.
const EK: usize = 1184;
const CT: usize = 1088;

/// The public half.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(Public);

/// The secret half: a seed.
#[derive(Clone)]
pub struct Identity(Private);

impl FromStr for Recipient {
    type Err = &'static str;

    /// Reads `age1pq1…`, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not = "mistyped: not a post-quantum key, or its checksum does not fit";
        let hrp = |hrp: Hrp| if hrp == RECIPIENT { Ok(()) } else { Err(not) };
        bech32_decode(
            text,
            |_| not,
            hrp,
            |_, bytes| {
                let bytes: Vec<u8> = bytes.take(EK + 33).collect();
                Public::from_bytes(&bytes).map(Recipient).map_err(|_| "a post-quantum key that no secret key can fit")
            },
        )
    }
}

impl fmt::Display for Recipient {
    /// The recipient string of FORMAT §2.3.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32_encode(RECIPIENT, &self.0.to_bytes()))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (sealed, body) = hpke_seal::<Kem, _>(&self.0, INFO, key.expose_secret(), &mut rand_core::OsRng);
        let stanza = Stanza { tag: STANZA.to_owned(), args: vec![encode(&sealed.0)], body };
        // age mixes no recipients of other strength into the same file.
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

impl Identity {
    /// Makes a fresh one.
    ///
    /// # Errors
    /// [`super::Error::System`] when the system gives no randomness.
    pub fn generate() -> super::Result<Identity> {
        Ok(Identity::from_seed(Zeroizing::new(random::<32>()?)))
    }

    /// The identity of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Identity {
        Identity(Private(seed))
    }

    /// Reads `AGE-SECRET-KEY-PQ-1…`, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Identity> {
        let hrp = |hrp: Hrp| if hrp == IDENTITY { Ok(()) } else { Err(()) };
        bech32_decode(
            text,
            |_| (),
            hrp,
            |_, bytes| {
                let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.take(33).collect());
                Private::from_bytes(&bytes).map(Identity).map_err(|_| ())
            },
        )
        .ok()
    }

    /// The string of an identity file, in upper case.
    #[must_use]
    pub fn line(&self) -> Secret {
        let lower = Zeroizing::new(bech32_encode(IDENTITY, &*self.0.0));
        Secret::new(lower.to_ascii_uppercase().into_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn to_public(&self) -> Recipient {
        Recipient(self.0.open().public)
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let malformed = Some(Err(DecryptError::InvalidHeader));
        let [arg] = stanza.args.as_slice() else { return malformed };
        let Some(sealed) = decode(arg).and_then(|bytes| Sealed::from_bytes(&bytes).ok()) else { return malformed };
        if stanza.body.len() != FILE_KEY_BYTES + 16 {
            return malformed;
        }
        match hpke_open::<Kem>(&sealed, &self.0, INFO, &stanza.body) {
            Ok(plain) => {
                let plain = Zeroizing::new(plain);
                Some(FileKey::try_init_with_mut(|key| {
                    let fits = plain.len() == key.len();
                    plain.iter().zip(key).for_each(|(from, to)| *to = *from);
                    if fits { Ok(()) } else { Err(DecryptError::InvalidHeader) }
                }))
            }
            // A point that makes the classical half constant.
            Err(HpkeError::ValidationError) => malformed,
            // It is for somebody else.
            Err(_) => None,
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).ok()
}

/// The KEM, number 0x647a in the registry of HPKE.
struct Kem;

/// An ML-KEM-768 encapsulation key and an X25519 key.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Public {
    bytes: Vec<u8>,
}

/// The seed that both secret keys grow from.
#[derive(Clone, PartialEq, Eq)]
struct Private(Zeroizing<[u8; 32]>);

/// An ML-KEM-768 ciphertext and an ephemeral X25519 key.
#[derive(Clone)]
struct Sealed(Vec<u8>);

/// What a seed grows into.
struct Grown {
    lattice: <MlKem768 as KemCore>::DecapsulationKey,
    curve: StaticSecret,
    public: Public,
}

impl Private {
    fn open(&self) -> Grown {
        let mut stream = sha3::Shake256::default().chain(*self.0).finalize_xof();
        let mut take = || {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            stream.read(&mut *bytes);
            bytes
        };
        let (d, z, t) = (take(), take(), take());
        let (lattice, encapsulation) = MlKem768::generate_deterministic(&(*d).into(), &(*z).into());
        let curve = StaticSecret::from(*t);
        let bytes = [&encapsulation.as_bytes()[..], PublicKey::from(&curve).as_bytes()].concat();
        Grown { lattice, curve, public: Public { bytes } }
    }
}

impl Public {
    fn curve(&self) -> PublicKey {
        PublicKey::from(last(&self.bytes))
    }
}

/// The last 32 bytes.
fn last(bytes: &[u8]) -> [u8; 32] {
    bytes.last_chunk().copied().unwrap_or_default()
}

fn combine(lattice: &[u8], curve: &[u8], ephemeral: &[u8; 32], recipient: &PublicKey) -> SharedSecret<Kem> {
    let hash = sha3::Sha3_256::new();
    let hash = Digest::chain_update(hash, lattice);
    let hash = Digest::chain_update(hash, curve);
    let hash = Digest::chain_update(hash, ephemeral);
    let hash = Digest::chain_update(hash, recipient.as_bytes());
    SharedSecret(Digest::chain_update(hash, COMBINER).finalize())
}

impl hpke::Kem for Kem {
    type PublicKey = Public;
    type PrivateKey = Private;
    type EncappedKey = Sealed;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(secret: &Private) -> Public {
        secret.open().public
    }

    fn derive_keypair(seed: &[u8]) -> (Private, Public) {
        let mut grown = Zeroizing::new([0; 32]);
        sha3::Shake256::default().chain(seed).finalize_xof().read(&mut *grown);
        let secret = Private(grown);
        let public = secret.open().public;
        (secret, public)
    }

    fn decap(secret: &Private, sender: Option<&Public>, sealed: &Sealed) -> Result<SharedSecret<Kem>, HpkeError> {
        let (None, Some((ciphertext, _))) = (sender, sealed.0.split_at_checked(CT)) else {
            return Err(HpkeError::DecapError);
        };
        let grown = secret.open();
        let ciphertext = ciphertext.try_into().map_err(|_| HpkeError::DecapError)?;
        let lattice = grown.lattice.decapsulate(ciphertext).map_err(|()| HpkeError::DecapError)?;
        let ephemeral = last(&sealed.0);
        let curve = grown.curve.diffie_hellman(&PublicKey::from(ephemeral));
        if !curve.was_contributory() {
            return Err(HpkeError::ValidationError);
        }
        Ok(combine(&lattice, curve.as_bytes(), &ephemeral, &grown.public.curve()))
    }

    fn encap<R: CryptoRng + RngCore>(
        to: &Public,
        sender: Option<(&Private, &Public)>,
        rng: &mut R,
    ) -> Result<(SharedSecret<Kem>, Sealed), HpkeError> {
        let failed = |_| HpkeError::EncapError;
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let (mut message, mut scalar) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut *message);
        rng.fill_bytes(&mut *scalar);
        let key = encapsulation_key(&to.bytes).ok_or(HpkeError::EncapError)?;
        let (ciphertext, lattice) = key.encapsulate_deterministic(&(*message).into()).map_err(failed)?;
        let ours = StaticSecret::from(*scalar);
        let ephemeral = PublicKey::from(&ours).to_bytes();
        let curve = ours.diffie_hellman(&to.curve());
        let secret = combine(&lattice, curve.as_bytes(), &ephemeral, &to.curve());
        Ok((secret, Sealed([&ciphertext[..], &ephemeral].concat())))
    }
}

type EncapsulationKey = <MlKem768 as KemCore>::EncapsulationKey;

/// The lattice half, if it is one: its numbers are below the modulus (FIPS 203, 7.2).
fn encapsulation_key(bytes: &[u8]) -> Option<EncapsulationKey> {
    let bytes = bytes.get(..EK)?;
    let key = EncapsulationKey::from_bytes(bytes.try_into().ok()?);
    (key.as_bytes()[..] == *bytes).then_some(key)
}

fn wrong_length<T: Serializable>(bytes: &[u8]) -> HpkeError {
    HpkeError::IncorrectInputLength(T::OutputSize::to_usize(), bytes.len())
}

impl Serializable for Public {
    type OutputSize = Sum<U1024, U192>;
    fn write_exact(&self, to: &mut [u8]) {
        to.copy_from_slice(&self.bytes);
    }
}

impl Deserializable for Public {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        if bytes.len() != EK + 32 {
            return Err(wrong_length::<Public>(bytes));
        }
        let public = Public { bytes: bytes.to_vec() };
        // Every scalar is a multiple of eight, so one shows what all would give: a constant, for such a point.
        let contributes = StaticSecret::from([1; 32]).diffie_hellman(&public.curve()).was_contributory();
        match encapsulation_key(bytes) {
            Some(_) if contributes => Ok(public),
            _ => Err(HpkeError::ValidationError),
        }
    }
}

impl Serializable for Private {
    type OutputSize = U32;
    fn write_exact(&self, to: &mut [u8]) {
        to.copy_from_slice(&*self.0);
    }
}

impl Deserializable for Private {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let seed: [u8; 32] = bytes.try_into().map_err(|_| wrong_length::<Private>(bytes))?;
        Ok(Private(Zeroizing::new(seed)))
    }
}

impl Serializable for Sealed {
    type OutputSize = Sum<U1024, U96>;
    fn write_exact(&self, to: &mut [u8]) {
        to.copy_from_slice(&self.0);
    }
}

impl Deserializable for Sealed {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        if bytes.len() == CT + 32 { Ok(Sealed(bytes.to_vec())) } else { Err(wrong_length::<Sealed>(bytes)) }
    }
}
