//! Git LFS pointers: a few lines that stand for a file which is not there.

/// A pointer is shorter than this, and anything longer is a file.
const POINTER_MAX: usize = 1024;

/// True if these bytes, a whole file, are a pointer of Git LFS and not the file itself.
#[must_use]
pub fn is_lfs_pointer(file: &[u8]) -> bool {
    let version = [&b"version https://git-lfs.github.com/spec/"[..], b"version https://hawser.github.com/spec/"];
    file.len() < POINTER_MAX
        && version.iter().any(|v| file.starts_with(v))
        && file.windows(b"\noid sha256:".len()).any(|w| w == b"\noid sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_told_from_a_file_about_pointers() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"A pointer begins with version https://git-lfs.github.com/spec/v1\noid sha256:"));
        assert!(!is_lfs_pointer(&[&pointer[..], &[b'x'; POINTER_MAX]].concat()));
    }
}
