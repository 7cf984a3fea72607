//! The lens: what every name and every byte passes on its way out. It looks for what must not leave; what was screened
//! is what is sent, since there is no other way.

use super::Result;

/// A part of a file, as it goes into a volume. Small files have one only.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The file's path in the bundle.
    pub path: &'a str,
    /// The size of the whole file.
    pub size: u64,
    /// How far into the file it begins.
    pub offset: u64,
    /// The bytes before it, as many as [`Lens::overlap`] wants and the file has: read through the same handle, so what
    /// lies across a border of two slices is seen whole.
    pub before: &'a [u8],
    /// Its bytes, the very ones that are packed.
    pub bytes: &'a [u8],
}

/// Looks at names and contents as they are packed.
pub trait Lens: Sync {
    /// How many bytes before a slice it wants to see.
    fn overlap(&self) -> usize {
        0
    }

    /// Looks at a name, once for each entry; of a link also at where it points.
    ///
    /// # Errors
    /// As [`Lens::look`].
    fn name(&self, path: &str, target: Option<&str>) -> Result<()> {
        let _ = (path, target);
        Ok(())
    }

    /// Looks at a slice of a file. Those of one file may come from several threads, in any order.
    ///
    /// # Errors
    /// [`super::Error::Screened`] for a finding; packing then stops before the tail, so nothing that can be opened has
    /// left.
    fn look(&self, slice: &Slice<'_>) -> Result<()>;
}

/// Lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clear;

impl Lens for Clear {
    fn look(&self, _: &Slice<'_>) -> Result<()> {
        Ok(())
    }
}
