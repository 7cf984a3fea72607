//! Edits of bytes: what a fuzzer's input says should be changed in something that was sound before.

use super::input::Input;

/// One edit of one stage.
pub struct Edit<'a> {
    pub stage: u8,
    kind: u8,
    at: u16,
    bytes: &'a [u8],
}

/// All edits of an input, in order.
pub struct Edits<'a>(pub Vec<Edit<'a>>);

const MOST: usize = 16;

impl<'a> Edits<'a> {
    pub fn read(input: &mut Input<'a>) -> Edits<'a> {
        let mut edits = Vec::new();
        while !input.is_empty() && edits.len() < MOST {
            edits.push(Edit { stage: input.byte(), kind: input.byte(), at: input.short(), bytes: input.chunk() });
        }
        Edits(edits)
    }

    /// Applies the edits of one stage.
    pub fn apply(&self, stage: u8, to: &mut Vec<u8>) {
        self.0.iter().filter(|e| e.stage == stage).for_each(|e| e.apply(to));
    }
}

impl Edit<'_> {
    pub fn apply(&self, to: &mut Vec<u8>) {
        let at = usize::from(self.at) % (to.len() + 1);
        let len = self.bytes.len();
        match self.kind % 7 {
            0 => to.iter_mut().skip(at).zip(self.bytes).for_each(|(old, new)| *old = *new),
            1 => drop(to.splice(at..at, self.bytes.iter().copied())),
            2 => drop(to.drain(at..(at + len.max(1)).min(to.len()))),
            3 => to.truncate(at),
            4 => drop(to.splice(at..(at + 1).min(to.len()), self.bytes.iter().copied())),
            5 => to.iter_mut().skip(at).zip(self.bytes).for_each(|(old, new)| *old ^= *new),
            _ => mend_checksum(to, at / 512 * 512),
        }
    }
}

/// Makes the checksum of the tar header at `at` fit again, so that an edit of a header can get past it.
fn mend_checksum(file: &mut [u8], at: usize) {
    let Some(header) = file.get_mut(at..at + 512) else { return };
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// One edit as a seed spells it.
pub fn push_edit(out: &mut Vec<u8>, stage: u8, kind: u8, at: u16, bytes: &[u8]) {
    out.extend_from_slice(&[stage, kind]);
    out.extend_from_slice(&at.to_le_bytes());
    super::input::push_chunk(out, bytes);
}
