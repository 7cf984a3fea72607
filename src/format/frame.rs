//! zstd frames (FORMAT §1.6): each carries its content size, has no dictionary and a window of at most 8 MiB, is
//! not empty and not skippable. The only door to `zstd-safe`; contexts are kept and used again.

use zstd_safe::{CCtx, CParameter, DCtx, DParameter};

use super::Result;
use super::error::{changed, too_large};
use super::version::WINDOW_MAX;

/// Compresses, with one context.
pub struct Squeezer {
    context: CCtx<'static>,
    level: Option<i32>,
}

impl Default for Squeezer {
    fn default() -> Self {
        Squeezer { context: CCtx::create(), level: None }
    }
}

impl Squeezer {
    /// Replaces `out` by one frame around `plain`, which must not be empty.
    ///
    /// # Errors
    /// When the library refuses, which only a lack of memory makes it do.
    pub fn squeeze(&mut self, plain: &[u8], level: i32, out: &mut Vec<u8>) -> Result<()> {
        let bad = |code| changed("compression", zstd_safe::get_error_name(code));
        if self.level != Some(level) {
            self.context.set_parameter(CParameter::CompressionLevel(level)).map_err(bad)?;
            // From level 20 on, zstd's own window is larger than readers take.
            let window = if level >= 20 { 23 } else { 0 };
            self.context.set_parameter(CParameter::WindowLog(window)).map_err(bad)?;
            self.level = Some(level);
        }
        out.clear();
        out.reserve(zstd_safe::compress_bound(plain.len()));
        self.context.compress2(out, plain).map_err(bad)?;
        Ok(())
    }
}

/// Decompresses, with one context and bounds known beforehand.
pub struct Unsqueezer(DCtx<'static>);

impl Default for Unsqueezer {
    fn default() -> Self {
        let mut context = DCtx::create();
        // One-shot decoding needs no window; the limit stands in case that ever changes.
        let _unused = context.set_parameter(DParameter::WindowLogMax(23));
        Unsqueezer(context)
    }
}

impl Unsqueezer {
    /// Replaces `out` by the contents of `frame`, which must be exactly one frame.
    ///
    /// # Errors
    /// [`super::Error::Changed`] unless it is such a frame; [`super::Error::TooLarge`] for a window or contents beyond `most`.
    pub fn unsqueeze(&mut self, frame: &[u8], most: usize, part: &str, out: &mut Vec<u8>) -> Result<()> {
        let size = plain_len(frame, part)?;
        if size > most as u64 {
            return Err(too_large(part, format!("a frame of {size} bytes, {most} at most")));
        }
        out.clear();
        out.reserve(most);
        match self.0.decompress(out, frame) {
            Ok(n) if n as u64 == size => Ok(()),
            _ => Err(changed(part, "its compressed data is damaged")),
        }
    }
}

/// The length of the first frame in `bytes`.
///
/// # Errors
/// [`super::Error::Changed`] when there is no whole frame.
pub fn first_len(bytes: &[u8], part: &str) -> Result<usize> {
    match zstd_safe::find_frame_compressed_size(bytes) {
        Ok(len) if len > 0 && len <= bytes.len() => Ok(len),
        _ => Err(changed(part, "its compressed data is damaged")),
    }
}

/// Checks the head of a frame that should fill `frame` exactly, and returns the length of its contents.
///
/// # Errors
/// [`super::Error::Changed`], or [`super::Error::TooLarge`] for the window.
pub fn plain_len(frame: &[u8], part: &str) -> Result<u64> {
    let (size, window) = head(frame).map_err(|why| changed(part, why))?;
    if window > WINDOW_MAX {
        return Err(too_large(part, format!("a zstd window of {window} bytes")));
    }
    if first_len(frame, part)? != frame.len() {
        return Err(changed(part, "more than one compressed frame"));
    }
    Ok(size)
}

/// Content size and window of a frame (RFC 8878 §3.1.1.1).
fn head(frame: &[u8]) -> std::result::Result<(u64, u64), &'static str> {
    const SHORT: &str = "its compressed data is damaged";
    if !frame.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err("not a plain zstd frame");
    }
    let descriptor = *frame.get(4).ok_or(SHORT)?;
    let single = descriptor & 0x20 != 0;
    if descriptor & 0x0b != 0 {
        return Err("a zstd frame with a dictionary or reserved bits");
    }
    let (start, window) = if single {
        (5, 0)
    } else {
        let byte = *frame.get(5).ok_or(SHORT)?;
        let base = 1_u64 << (10 + (byte >> 3));
        (6, base + base / 8 * u64::from(byte & 7))
    };
    let width = match (descriptor >> 6, single) {
        (0, true) => 1,
        (0, false) => return Err("a zstd frame without its content size"),
        (n, _) => 1 << n,
    };
    let field = frame.get(start..start + width).ok_or(SHORT)?;
    let mut size = field.iter().rev().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    if width == 2 {
        size += 256;
    }
    if size == 0 {
        return Err("an empty zstd frame");
    }
    Ok((size, if single { size } else { window }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Error;

    fn frame(plain: &[u8], level: i32) -> Vec<u8> {
        let mut out = Vec::new();
        Squeezer::default().squeeze(plain, level, &mut out).unwrap();
        out
    }

    #[test]
    fn a_frame_comes_back_and_says_its_size() {
        for len in [1, 255, 256, 65_791, 65_792, 3_000_000] {
            let plain: Vec<u8> = (0..len).map(|i| (i / 7) as u8).collect();
            let squeezed = frame(&plain, 3);
            assert_eq!(plain_len(&squeezed, "x").unwrap(), plain.len() as u64);
            let mut out = Vec::new();
            Unsqueezer::default().unsqueeze(&squeezed, plain.len(), "x", &mut out).unwrap();
            assert_eq!(out, plain);
        }
    }

    #[test]
    fn two_frames_skippable_empty_and_cut_ones_are_refused() {
        let one = frame(b"hello hello hello", 3);
        let two = [one.clone(), one.clone()].concat();
        assert!(plain_len(&two, "x").is_err());
        let skip = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &one].concat();
        assert!(plain_len(&skip, "x").is_err());
        let empty = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00];
        assert!(plain_len(&empty, "x").is_err());
        for cut in 0..one.len() {
            assert!(plain_len(&one[..cut], "x").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn contents_beyond_the_bound_are_refused_before_they_are_made() {
        let bomb = frame(&vec![0; 5 << 20], 3);
        let mut out = Vec::new();
        let e = Unsqueezer::default().unsqueeze(&bomb, 1 << 20, "x", &mut out).unwrap_err();
        assert!(matches!(e, Error::TooLarge { .. }));
        assert!(out.capacity() == 0);
    }

    #[test]
    fn the_highest_levels_keep_the_window_within_eight_mebibytes() {
        let plain = vec![7; 20 << 20];
        let (_, window) = head(&frame(&plain, 22)).unwrap();
        assert!(window <= WINDOW_MAX, "{window}");
    }
}
