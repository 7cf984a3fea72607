//! The wire encoding of SSH (RFC 4251): numbers with the most significant byte first, and strings behind their length.
//! It reads slices and never more than there is.

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// `uint32`
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// `uint64`
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// `string`
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.take(len)
    }

    /// `string`, of UTF-8.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }

    /// All the strings that follow.
    pub(super) fn texts(mut self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        while !self.0.is_empty() {
            all.push(self.text()?.to_owned());
        }
        Some(all)
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a `string`. None of ours comes near 4 GiB.
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut bytes = Vec::new();
        put(&mut bytes, b"abc");
        put(&mut bytes, b"");
        let mut wire = Wire(&bytes);
        assert_eq!((wire.string(), wire.string(), wire.string()), (Some(&b"abc"[..]), Some(&b""[..]), None));
        assert!(wire.is_empty());
        for cut in 0..bytes.len() - 4 {
            assert_eq!(Wire(&bytes[..cut]).string().is_some(), cut >= 7, "{cut}");
        }
        assert_eq!(Wire(&[0xff; 8]).string(), None);
        assert_eq!(Wire(&bytes).texts(), Some(vec!["abc".to_owned(), String::new()]));
    }
}
