//! The fuzzer's bytes, taken one after the other. What is missing at the end reads as zeros and empty texts, so every
//! input means something.

/// The bytes that are still there.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A text behind its length, which is one byte.
    pub fn chunk(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (chunk, rest) = self.0.split_at(len);
        self.0 = rest;
        chunk
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The same the other way round, for seeds.
pub fn push_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    out.push(u8::try_from(chunk.len()).unwrap());
    out.extend_from_slice(chunk);
}
