//! What a bundle of the fuzzer's is made of: trees, a few choices, and edits of the stages between tree and file.

use super::edits::Edits;
use super::input::{Input, push_chunk};

/// The choices of an input.
pub struct Plan<'a> {
    flags: u8,
    /// Volumes are cut at multiples of 512.
    pub cut: usize,
    /// Entries in a frame of the manifest.
    pub per_frame: usize,
    pub trees: Vec<Vec<Item>>,
    pub edits: Edits<'a>,
}

/// One entry, as the fuzzer wants it.
pub struct Item {
    pub kind: u8,
    pub path: String,
    /// The contents, or where a link points.
    pub body: Vec<u8>,
    pub mtime: u64,
}

/// Sorted, without doubles, each with its folders: without this bit the order is the fuzzer's.
pub const TIDY: u8 = 1;
/// The second compartment is held, and comes with a key file.
pub const HELD: u8 = 2;
/// There is a second compartment.
pub const TWO: u8 = 4;
/// The manifest names a parent.
pub const PARENT: u8 = 8;
/// The sender's card is in it.
pub const CARD: u8 = 16;

impl<'a> Plan<'a> {
    pub fn read(data: &'a [u8]) -> Plan<'a> {
        let mut input = Input(data);
        let flags = input.byte();
        let cut = 512 * (1 + usize::from(input.byte() % 32));
        let per_frame = 1 + usize::from(input.byte() % 16);
        let count = 1 + usize::from(flags & TWO != 0);
        let trees = (0..count).map(|_| tree(&mut input, flags)).collect();
        Plan { flags, cut, per_frame, trees, edits: Edits::read(&mut input) }
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

fn tree(input: &mut Input<'_>, flags: u8) -> Vec<Item> {
    let count = input.byte() % 24;
    let mut items: Vec<Item> = (0..count).map(|_| Item::read(input)).collect();
    if flags & TIDY == 0 {
        return items;
    }
    let paths: Vec<String> = items.iter().map(|i| i.path.clone()).collect();
    let above = |p: &String| p.match_indices('/').map(|(at, _)| p[..at].to_owned()).collect::<Vec<_>>();
    items.splice(0..0, paths.iter().flat_map(above).map(Item::folder));
    items.sort_by(|a, b| a.path.cmp(&b.path));
    items.dedup_by(|a, b| a.path == b.path);
    items
}

impl Item {
    fn read(input: &mut Input<'_>) -> Item {
        const TIMES: [u64; 4] = [1_700_000_000, 0, (1 << 33) - 1, 1 << 33];
        let kind = input.byte();
        let path = String::from_utf8_lossy(input.chunk()).into_owned();
        let body = input.chunk().repeat(1 << (kind >> 5 & 3));
        Item { kind, path, body, mtime: TIMES[usize::from(kind >> 3 & 3)] }
    }

    fn folder(path: String) -> Item {
        Item { kind: 4, path, body: Vec::new(), mtime: 0 }
    }
}

/// One entry as a seed spells it. Kinds: 0 file, 1 executable, 2 file of the parent, 3 link, 4 folder; with 8, 16 and 24
/// other times; each 32 doubles the contents.
pub fn push_item(out: &mut Vec<u8>, kind: u8, path: &str, body: &[u8]) {
    out.push(kind);
    push_chunk(out, path.as_bytes());
    push_chunk(out, body);
}
