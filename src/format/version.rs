//! Numbers of the format that are fixed for ever, and the limits of FORMAT §6.3.

/// The bundle format this program reads and writes.
pub const FORMAT: u64 = 1;
/// How `README.txt`, the first member, begins (FORMAT §1.1).
pub const FIRST_LINE: &str = "consign bundle, format 1\n";
/// What stands before the number in the first line.
pub const FIRST_WORDS: &str = "consign bundle, format ";

/// The greatest plain length of a volume, in bytes.
pub const VOLUME_MAX: u64 = 64 << 20;
/// The greatest number of volumes in a compartment.
pub const VOLUMES_MAX: u64 = 999_999;
/// The greatest number of compartments.
pub const COMPARTMENTS_MAX: usize = 64;
/// The greatest number of tags, so of recipients, in a compartment.
pub const TAGS_MAX: usize = 128;
/// The greatest number of signers.
pub const SIGNERS_MAX: usize = 8;
/// A label, such as a partner's name in a manifest, in bytes.
pub const LABEL_MAX: usize = 256;
/// `key.age`, `terms.age`, in bytes.
pub const KEY_MEMBER_MAX: u64 = 256 << 10;
/// The plaintext of `key.age`, in bytes.
pub const KEY_PLAIN_MAX: usize = 4096;
/// `README.txt`, or one armour, in bytes.
pub const README_MAX: u64 = 64 << 10;
/// Any document (card, key file, …), in bytes.
pub const DOCUMENT_MAX: u64 = 512 << 10;
/// `envelope.json`, in bytes.
pub const ENVELOPE_MAX: u64 = 1 << 20;
/// `B3SUMS`, in bytes.
pub const SUMS_MAX: u64 = 128 << 20;
/// `manifest.age` and its plaintext, in bytes.
pub const MANIFEST_MAX: u64 = 4 << 30;
/// The first line of a manifest, in bytes.
pub const HEAD_LINE_MAX: usize = 1 << 20;
/// The terms line, in bytes.
pub const TERMS_LINE_MAX: usize = 192 << 10;
/// Any other line of a manifest, in bytes; also a ledger line.
pub const LINE_MAX: usize = 64 << 10;
/// The plain length of a manifest's frame, in bytes.
pub const MANIFEST_FRAME_MAX: usize = 4 << 20;
/// Entries in a manifest.
pub const ENTRIES_MAX: u64 = 10_000_000;
/// A member of the outer file, in bytes: what an ustar size field holds.
pub const MEMBER_MAX: u64 = 8 << 30;
/// The largest window of a zstd frame, in bytes.
pub const WINDOW_MAX: u64 = 8 << 20;
/// The largest integer in JSON.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// The first number that an ustar field of 12 bytes can't hold.
pub const OCTAL_END: u64 = 1 << 33;
