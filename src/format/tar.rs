//! The tar layout of FORMAT §3: headers, records and padding as pure functions. Nothing here parses a tar; the
//! reader makes the same bytes again and compares. The only door to the `tar` crate.

use super::version::OCTAL_END;

/// The block size of tar, in bytes.
pub const BLOCK: u64 = 512;
/// The zero bytes that end a stream.
pub const END: [u8; 1024] = [0; 1024];

/// What the header of an entry is made from.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The path, without a final `/`.
    pub path: &'a str,
    /// The kind.
    pub kind: HeadKind<'a>,
    /// Seconds since 1970.
    pub mtime: u64,
}

/// The kind of an entry, with what its header needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind<'a> {
    /// A file of `size` bytes.
    File {
        /// Bytes of contents.
        size: u64,
        /// Whether its owner may execute it.
        exec: bool,
    },
    /// A folder.
    Dir,
    /// A symbolic link and its target.
    Link(&'a str),
}

/// The zero bytes after contents of `size` bytes.
#[must_use]
pub fn pad(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK
}

/// Contents and their padding.
#[must_use]
pub fn padded(size: u64) -> u64 {
    size.saturating_add(pad(size))
}

impl Head<'_> {
    fn size(&self) -> u64 {
        match self.kind {
            HeadKind::File { size, .. } => size,
            _ => 0,
        }
    }

    /// The length of all header blocks of this entry, in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        let records = self.records_len();
        if records == 0 { BLOCK } else { 2 * BLOCK + padded(records) }
    }

    /// The length of the entry in the stream: headers, contents, padding.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.len() + padded(self.size())
    }

    /// Never true: an entry has at least one header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    fn records_len(&self) -> u64 {
        let mut total = 0;
        self.each_record(|key, value_len| total += record_len(key.len() + value_len + 3));
        total as u64
    }

    fn each_record(&self, mut found: impl FnMut(&'static str, usize)) {
        let slash = usize::from(self.kind == HeadKind::Dir);
        if needs_record(self.path, slash) {
            found("path", self.path.len() + slash);
        }
        if let HeadKind::Link(target) = self.kind
            && needs_record(target, 0)
        {
            found("linkpath", target.len());
        }
        if self.size() >= OCTAL_END {
            found("size", self.size().to_string().len());
        }
    }

    /// Appends all header blocks of this entry.
    pub fn push(&self, out: &mut Vec<u8>) {
        let slash = if self.kind == HeadKind::Dir { "/" } else { "" };
        let (kind, mode, link) = match self.kind {
            HeadKind::File { exec, .. } => (b'0', if exec { 0o755 } else { 0o644 }, ""),
            HeadKind::Dir => (b'5', 0o755, ""),
            HeadKind::Link(target) => (b'2', 0o777, target),
        };
        let mut records = Vec::new();
        self.each_record(|key, _| match key {
            "path" => push_record(&mut records, key, &[self.path, slash]),
            "linkpath" => push_record(&mut records, key, &[link]),
            _ => push_record(&mut records, key, &[&self.size().to_string()]),
        });
        if !records.is_empty() {
            let size = records.len() as u64;
            out.extend_from_slice(&ustar("././@PaxHeader", "", b'x', 0o644, size, 0, ""));
            out.extend_from_slice(&records);
            out.resize(out.len() + usize::try_from(pad(size)).unwrap_or(0), 0);
        }
        let size = if self.size() >= OCTAL_END { 0 } else { self.size() };
        out.extend_from_slice(&ustar(self.path, slash, kind, mode, size, self.mtime, link));
    }
}

fn needs_record(text: &str, slash: usize) -> bool {
    text.len() + slash > 100 || !text.is_ascii()
}

/// The length of a record whose part after the number (space, key, `=`, value, LF) has `rest` bytes.
fn record_len(rest: usize) -> usize {
    let mut len = rest + 1;
    loop {
        let digits = len.to_string().len();
        if rest + digits == len {
            return len;
        }
        len = rest + digits;
    }
}

fn push_record(out: &mut Vec<u8>, key: &str, value: &[&str]) {
    let rest = key.len() + 3 + value.iter().map(|v| v.len()).sum::<usize>();
    out.extend_from_slice(format!("{} {key}=", record_len(rest)).as_bytes());
    value.iter().for_each(|v| out.extend_from_slice(v.as_bytes()));
    out.push(b'\n');
}

fn ustar(path: &str, slash: &str, kind: u8, mode: u32, size: u64, mtime: u64, link: &str) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    let name = &mut header.as_old_mut().name;
    name.iter_mut().zip(path.bytes().chain(slash.bytes())).for_each(|(to, from)| *to = from);
    header.as_old_mut().linkname.iter_mut().zip(link.bytes()).for_each(|(to, from)| *to = from);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(mtime);
    header.set_cksum();
    *header.as_bytes()
}

/// The header of a member of the outer file (FORMAT §1.2).
#[must_use]
pub fn outer(name: &str, size: u64) -> [u8; 512] {
    ustar(name, "", b'0', 0o644, size, 0, "")
}

/// The size that an outer header states, if its size field is spelled as it must be.
#[must_use]
pub fn outer_size(header: &[u8]) -> Option<u64> {
    let field = header.get(124..136)?;
    let (digits, end) = field.split_at(11);
    if end != [0] || !digits.iter().all(|b| (b'0'..=b'7').contains(b)) {
        return None;
    }
    Some(digits.iter().fold(0, |n, b| n * 8 + u64::from(b - b'0')))
}

/// The name field of an outer header, up to its first NUL, for telling what a file is.
#[must_use]
pub fn outer_name(header: &[u8]) -> &[u8] {
    let name = header.get(..100).unwrap_or_default();
    name.split(|b| *b == 0).next().unwrap_or_default()
}

/// The name and size of a member that an outer header states, if all its bytes are as they must be.
#[must_use]
pub fn read_outer(header: &[u8; 512]) -> Option<(&str, u64)> {
    let (name, size) = (std::str::from_utf8(outer_name(header)).ok()?, outer_size(header)?);
    (outer(name, size) == *header).then_some((name, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(head: Head<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        head.push(&mut out);
        assert_eq!(out.len() as u64, head.len());
        out
    }

    #[test]
    fn numbers_fill_their_field_less_one_byte() {
        let h = bytes(Head { path: "a.txt", kind: HeadKind::File { size: 5, exec: false }, mtime: 8 });
        assert_eq!(&h[..6], b"a.txt\0");
        assert_eq!(&h[100..108], b"0000644\0");
        assert_eq!(&h[108..124], b"0000000\x000000000\x00");
        assert_eq!(&h[124..136], b"00000000005\0");
        assert_eq!(&h[136..148], b"00000000010\0");
        assert_eq!(h[155], 0);
        assert_eq!(h[156], b'0');
        assert_eq!(&h[257..265], b"ustar\x0000");
        assert!(h[265..].iter().all(|b| *b == 0));
        let sum: u32 =
            h.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
        assert_eq!(&h[148..156], format!("{sum:07o}\0").as_bytes());
        assert_eq!(outer_size(&outer("x", 77)), Some(77));
    }

    #[test]
    fn records_come_when_needed_and_count_themselves() {
        let dir = "d".repeat(100);
        let h = bytes(Head { path: &dir, kind: HeadKind::Dir, mtime: 0 });
        assert_eq!(h.len(), 1536);
        assert_eq!(&h[512..512 + 12], b"111 path=ddd");
        assert_eq!(&h[512 + 109..512 + 112], b"/\n\0");
        let h = bytes(Head { path: "é", kind: HeadKind::Link("ü"), mtime: 0 });
        assert_eq!(&h[512..512 + 26], "11 path=é\n15 linkpath=ü\n".as_bytes());
        let h = bytes(Head { path: "big", kind: HeadKind::File { size: OCTAL_END, exec: false }, mtime: 0 });
        assert_eq!(&h[512..512 + 19], b"19 size=8589934592\n");
        assert_eq!(&h[1024 + 124..1024 + 136], b"00000000000\0");
        assert_eq!(record_len(98), 101);
        assert_eq!(record_len(97), 99);
    }
}
