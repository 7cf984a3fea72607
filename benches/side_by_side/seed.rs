//! Bytes from a seed, the same on every machine.

use std::io::{self, Write};

/// A stream of numbers (splitmix64).
pub(crate) struct Seed(u64);

const WORDS: [&str; 24] = [
    "return", "static", "buffer", "length", "if", "else", "const", "struct", "->", "= 0;", "self", "value", "index",
    "error", "the", "of", "(", ")", "{\n", "}\n", "++;", "while", "0x1f", "name",
];

impl Seed {
    pub(crate) fn new(start: u64) -> Seed {
        Seed(start)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Bytes that no compressor makes smaller.
    pub(crate) fn noise(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    /// Bytes that compress about as source code does.
    pub(crate) fn prose(&mut self, out: &mut [u8]) {
        let mut at = 0;
        while at < out.len() {
            let word = WORDS[self.below(WORDS.len() as u64) as usize].as_bytes();
            let len = word.len().min(out.len() - at);
            out[at..at + len].copy_from_slice(&word[..len]);
            at += len + 1;
            if let Some(gap) = out.get_mut(at - 1) {
                *gap = b' ';
            }
        }
    }

    /// Writes `blocks` blocks of 64 KiB of noise; every second one is prose if `half`.
    pub(crate) fn write(&mut self, to: &mut impl Write, blocks: u64, half: bool) -> io::Result<()> {
        let mut block = vec![0; 64 << 10];
        for number in 0..blocks {
            if half && number % 2 == 1 {
                self.prose(&mut block)
            } else {
                self.noise(&mut block)
            }
            to.write_all(&block)?;
        }
        Ok(())
    }

    /// Makes `count` files of 0 to 200 bytes below `root`, 50 in a folder, the folders three deep.
    pub(crate) fn files(&mut self, root: &std::path::Path, count: u64) -> io::Result<()> {
        let mut text = [0; 200];
        let mut folder = root.to_owned();
        for number in 0..count {
            if number % 50 == 0 {
                let n = number / 50;
                folder = root.join(format!("part{:02}/group{:02}/set{n:05}", n / 400, n / 20 % 20));
                std::fs::create_dir_all(&folder)?;
            }
            let len = self.below(201) as usize;
            self.prose(&mut text[..len]);
            std::fs::write(folder.join(format!("item{number:07}.txt")), &text[..len])?;
        }
        Ok(())
    }
}
