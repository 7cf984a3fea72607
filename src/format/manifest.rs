//! The front of a manifest: its first line, the terms, the sizes of the volumes; and how frames of lines are
//! written (FORMAT §4). The entries that follow are in `entries.rs`.

use std::io::Read;

use serde::{Deserialize, Serialize};

use super::card::is_recipient;
use super::entry::{Cursor, Entry, push_number};
use super::envelope::BundleRef;
use super::error::{changed, too_large};
use super::frame::Squeezer;
use super::frames::Frames;
use super::terms::Terms;
use super::version::{HEAD_LINE_MAX, LABEL_MAX, LINE_MAX, TAGS_MAX, TERMS_LINE_MAX, VOLUME_MAX, VOLUMES_MAX};
use super::{Result, json};
use crate::crypto::{Digest, Fingerprint, Hex};

/// The first line (FORMAT §4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// `manifest/1`.
    pub consign: String,
    /// The bundle.
    pub bundle: Hex<16>,
    /// The compartment.
    pub compartment: u64,
    /// Salts the entries' tree.
    pub nonce: Hex<32>,
    /// Keys the proof of possession.
    pub challenge: Hex<32>,
    /// signers[0].
    pub sender: Fingerprint,
    /// Everybody `key.age` is locked to.
    pub recipients: Vec<NamedRecipient>,
    /// The content id of the tree.
    pub content: Digest,
    /// What a delta is made against.
    #[serde(deserialize_with = "json::nullable")]
    pub parent: Option<Parent>,
    /// The sender's ledger head when this was made.
    #[serde(deserialize_with = "json::nullable")]
    pub ledger: Option<Digest>,
    /// The scope it was selected by.
    pub scope: String,
    /// What it is for.
    pub purpose: String,
    /// Files.
    pub files: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
}

/// A recipient as the sender knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRecipient {
    /// The partner's name in the sender's home.
    pub name: String,
    /// The recipient string.
    pub key: String,
    /// The agreement it is sent under.
    #[serde(deserialize_with = "json::nullable")]
    pub agreement: Option<String>,
}

/// The parent of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The bundle.
    pub bundle: BundleRef,
    /// The compartment in it.
    pub compartment: u64,
    /// Its content id.
    pub content: Digest,
}

impl Parent {
    /// Whether this is the bundle that the envelope names.
    #[must_use]
    pub fn agrees(parent: Option<&Parent>, envelope: Option<BundleRef>) -> bool {
        parent.is_none_or(|p| envelope == Some(p.bundle))
    }
}

/// The sizes of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeSize {
    /// The member `vNNNNNN.age`, in bytes.
    pub member: u64,
    /// The slice of the stream in it, in bytes.
    pub plain: u32,
}

/// How much of a manifest its front takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of the age plaintext.
    pub plain: u64,
    /// Bytes of lines.
    pub lines: u64,
}

/// Lines 1 and 2 and the `v` lines.
#[derive(Debug)]
pub struct Front {
    /// Line 1.
    pub head: Head,
    /// Line 2.
    pub terms: Terms,
    /// Line 2 as it stands, without LF, for its hash and for release.
    pub terms_line: Vec<u8>,
    /// The volumes, in order.
    pub volumes: Vec<VolumeSize>,
}

/// Whether a line is an `o` line.
pub(super) fn is_offset(line: &[u8]) -> bool {
    line.starts_with(b"{\"o\":")
}

/// Reads an `o` line.
pub(super) fn parse_offset(line: &[u8]) -> Result<u64> {
    let mut cursor = Cursor { rest: line };
    let read = |c: &mut Cursor<'_>| {
        c.eat(b"{\"o\":")?;
        let n = c.number()?;
        (c.rest == b"}").then_some(n)
    };
    read(&mut cursor).ok_or_else(|| changed("manifest", "a malformed `o` line"))
}

fn parse_volumes(line: &[u8], volumes: &mut Vec<VolumeSize>) -> Result<()> {
    let bad = || changed("manifest", "a malformed `v` line");
    let mut cursor = Cursor { rest: line };
    cursor.eat(b"{\"v\":[").ok_or_else(bad)?;
    for count in 1.. {
        cursor.eat(b"[").ok_or_else(bad)?;
        let member = cursor.number().ok_or_else(bad)?;
        cursor.eat(b",").ok_or_else(bad)?;
        let plain = cursor.number().ok_or_else(bad)?;
        cursor.eat(b"]").ok_or_else(bad)?;
        if plain > VOLUME_MAX || volumes.len() as u64 == VOLUMES_MAX {
            return Err(too_large("manifest", "a volume of more than 64 MiB, or more than 999,999 volumes"));
        }
        let plain = u32::try_from(plain).map_err(|_| bad())?;
        volumes.push(VolumeSize { member, plain });
        if cursor.rest == b"]}" {
            return Ok(());
        }
        if count == 512 || plain == 0 {
            return Err(bad());
        }
        cursor.eat(b",").ok_or_else(bad)?;
    }
    Err(bad())
}

impl Front {
    /// Reads the front of an age plaintext, and says where in it the entry frames begin. `lines` is how many bytes of
    /// them the whole manifest has, as the envelope says.
    ///
    /// # Errors
    /// Those of the format; what reading says.
    pub fn read(plain: impl Read, lines: u64) -> Result<(Front, Extent)> {
        let mut frames = Frames::new(plain);
        frames.most = Some(lines);
        let (mut head, mut terms, mut volumes) = (None, None, Vec::new());
        loop {
            let read = Extent { plain: frames.taken, lines: frames.total };
            if !frames.advance()? || is_offset(&frames.lines) {
                let missing = || changed("manifest", "it lacks its first lines");
                let (terms, terms_line) = terms.ok_or_else(missing)?;
                let head = head.ok_or_else(missing)?;
                return Ok((Front { head, terms, terms_line, volumes }, read));
            }
            for line in frames.lines.split_last().map(|(_, l)| l).unwrap_or_default().split(|b| *b == b'\n') {
                if head.is_none() {
                    head = Some(read_head(line)?);
                } else if terms.is_none() {
                    terms = Some((Terms::parse(line)?, line.to_vec()));
                } else if line.len() > LINE_MAX {
                    return Err(too_large("a manifest line", "64 KiB at most"));
                } else {
                    parse_volumes(line, &mut volumes)?;
                }
            }
        }
    }

    /// The frames of the front.
    ///
    /// # Errors
    /// When a line is beyond its limit.
    pub fn write(head: &Head, terms_line: &[u8], volumes: &[VolumeSize]) -> Result<FrameWriter> {
        check_recipients(&head.recipients)?;
        let mut writer = FrameWriter::default();
        let line = serde_json::to_vec(head).map_err(|e| changed("manifest", e.to_string()))?;
        if line.len() > HEAD_LINE_MAX || terms_line.len() > TERMS_LINE_MAX {
            return Err(too_large("manifest", "too many recipients, or terms beyond 192 KiB"));
        }
        writer.add(&line)?;
        writer.add(terms_line)?;
        for some in volumes.chunks(512) {
            let mut line = b"{\"v\":[".to_vec();
            for (i, volume) in some.iter().enumerate() {
                line.extend_from_slice(if i == 0 { b"[" } else { b",[" });
                push_number(&mut line, volume.member);
                line.push(b',');
                push_number(&mut line, u64::from(volume.plain));
                line.push(b']');
            }
            line.extend_from_slice(b"]}");
            writer.add(&line)?;
        }
        writer.flush()?;
        Ok(writer)
    }
}

fn read_head(line: &[u8]) -> Result<Head> {
    if line.len() > HEAD_LINE_MAX {
        return Err(too_large("manifest", "a first line beyond 1 MiB"));
    }
    if line.contains(&b'\r') {
        return Err(changed("manifest", "a carriage return within its first line"));
    }
    let head: Head = json::parse_kind(line, "manifest", "manifest")?;
    check_recipients(&head.recipients)?;
    Ok(head)
}

fn check_recipients(recipients: &[NamedRecipient]) -> Result<()> {
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed("manifest", why)) };
    ensure((1..=TAGS_MAX).contains(&recipients.len()), "it does not name 1 to 128 recipients")?;
    let alone = recipients.len() == 1 || recipients.iter().all(|r| r.key != "passphrase");
    ensure(alone, "it names other recipients beside a passphrase")?;
    let spelled = recipients.iter().all(|r| r.key == "passphrase" || is_recipient(&r.key));
    ensure(spelled, "it names a recipient by a string that isn't one")?;
    if recipients.iter().any(|r| r.name.len() > LABEL_MAX) {
        return Err(too_large("manifest", "a recipient's name of more than 256 bytes"));
    }
    Ok(())
}

/// Lines of a frame before it is closed: well below the 4 MiB that readers take.
const FRAME_TARGET: usize = 1 << 20;
/// The level for manifests: no larger than level 3, since hashes don't compress, and faster.
const LEVEL: i32 = 1;

/// Collects lines into frames and keeps the compressed ones only.
#[derive(Default)]
pub struct FrameWriter {
    squeezer: Squeezer,
    lines: Vec<u8>,
    squeezed: Vec<u8>,
    /// The frames so far.
    pub frames: Vec<u8>,
    /// Bytes of lines in them, LFs counted.
    pub total: u64,
}

impl FrameWriter {
    /// Adds a line of the front.
    ///
    /// # Errors
    /// When compression fails.
    fn add(&mut self, line: &[u8]) -> Result<()> {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        if self.lines.len() >= FRAME_TARGET { self.flush() } else { Ok(()) }
    }

    /// Adds an entry whose first header is at `offset` of the stream, and returns its line to the caller's `line`.
    ///
    /// # Errors
    /// When compression fails.
    pub fn add_entry(&mut self, entry: &Entry, offset: u64, line: &mut Vec<u8>) -> Result<()> {
        if self.lines.is_empty() {
            self.lines.extend_from_slice(b"{\"o\":");
            push_number(&mut self.lines, offset);
            self.lines.extend_from_slice(b"}\n");
        }
        line.clear();
        entry.push_line(line);
        if line.len() > LINE_MAX {
            return Err(too_large("a manifest line", "64 KiB at most"));
        }
        self.add(line)
    }

    /// Closes the frame that is open.
    ///
    /// # Errors
    /// When compression fails.
    pub fn flush(&mut self) -> Result<()> {
        if !self.lines.is_empty() {
            self.squeezer.squeeze(&self.lines, LEVEL, &mut self.squeezed)?;
            self.frames.extend_from_slice(&self.squeezed);
            self.total += self.lines.len() as u64;
            self.lines.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::format::entries::Entries;
    use serde_json::{Value, json};

    fn line_1() -> Value {
        let hash = "00".repeat(32);
        json!({
            "consign": "manifest/1", "bundle": "00".repeat(16), "compartment": 0, "nonce": hash, "challenge": hash,
            "sender": format!("SHA256:{}", "A".repeat(43)),
            "recipients": [{"name": "a", "key": "age1x1a", "agreement": null}],
            "content": hash, "parent": null, "ledger": null, "scope": "", "purpose": "", "files": 0, "bytes": 0,
        })
    }

    fn terms() -> Value {
        json!({
            "consign": "terms/1", "bundle": "00".repeat(16), "compartment": 0,
            "sender": format!("SHA256:{}", "A".repeat(43)), "nonce": "00".repeat(32), "title": "", "owner": "",
            "licence": "", "agreement": null, "text": "",
        })
    }

    fn word(line: &str) -> &'static str {
        read_head(line.as_bytes()).map_or_else(|e| e.word(), |_| "ok")
    }

    fn named(recipients: &[(&str, &str)]) -> &'static str {
        let mut line = line_1();
        let one = |(name, key): &(&str, &str)| json!({"name": name, "key": key, "agreement": null});
        line["recipients"] = recipients.iter().map(one).collect();
        word(&line.to_string())
    }

    #[test]
    fn the_first_line_is_one_line_of_its_kind() {
        let line = line_1().to_string();
        assert_eq!(word(&line), "ok");
        assert_eq!(word(&format!("{line}\r")), "changed");
        assert_eq!(word(&line.replace(',', ",\r")), "changed");
        assert_eq!(word(r#"{"consign":"manifest/2","recipients":7}"#), "newer-format");
    }

    #[test]
    fn recipients_have_short_names_and_one_spelling_and_a_passphrase_is_alone() {
        assert_eq!(named(&[]), "changed");
        assert_eq!(named(&[("", "age1x1a"), (&"n".repeat(256), "age1x1b")]), "ok");
        assert_eq!(named(&[("", "age1x1a"), (&"n".repeat(257), "age1x1b")]), "too-large");
        for key in ["", "x", "age1a", "AGE1X1A", "age1x1a ", "ssh-ed25519 AAAA"] {
            assert_eq!(named(&[("a", key)]), "changed", "{key}");
        }
        assert_eq!(named(&[("a", "passphrase")]), "ok");
        assert_eq!(named(&[("a", "passphrase"), ("b", "age1x1b")]), "changed");
        assert_eq!(named(&vec![("a", "age1x1a"); 129]), "changed");
    }

    #[test]
    fn a_manifest_holds_as_many_lines_as_the_envelope_says() {
        let head: Head = serde_json::from_value(line_1()).unwrap();
        let terms = serde_json::to_vec(&terms()).unwrap();
        let mut writer = Front::write(&head, &terms, &[VolumeSize { member: 1, plain: 1024 }]).unwrap();
        let front = writer.total;
        let entry = Entry::parse(br#"{"p":"d","t":"d","m":1}"#).unwrap();
        writer.add_entry(&entry, 0, &mut Vec::new()).unwrap();
        writer.flush().unwrap();
        let (plain, total) = (&writer.frames, writer.total);
        assert!(Front::read(&plain[..], front - 1).is_err() && Front::read(&plain[..], total - 1).is_err());
        let (_, read) = Front::read(&plain[..], total).unwrap();
        assert_eq!(read.lines, front);
        let rest = &plain[usize::try_from(read.plain).unwrap()..];
        let count = |most: u64| {
            let mut entries = Entries::new(rest, &[0; 32], true).bounded(most);
            while entries.next()?.is_some() {}
            Ok::<u64, crate::format::Error>(entries.lines_read())
        };
        assert_eq!(count(total - front).unwrap(), total - front);
        for wrong in [total - front - 1, total - front + 1] {
            assert_eq!(count(wrong).unwrap_err().word(), "changed");
        }
    }
}
