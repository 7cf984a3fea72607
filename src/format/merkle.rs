//! The tree over the entry lines of a compartment, for `entriesRoot` (FORMAT §5.1): RFC 6962, built as lines come.

use crate::crypto::{Digest, Hasher, Hex, entry_salt, keyed};

/// Builds the root while lines are added, holding one hash per level.
pub struct Tree {
    salt_key: [u8; 32],
    count: u64,
    /// Roots of full subtrees, largest first, with the number of leaves of each.
    full: Vec<(u64, Digest)>,
}

impl Tree {
    /// For the compartment with this nonce.
    #[must_use]
    pub fn new(nonce: &[u8; 32]) -> Self {
        Tree { salt_key: entry_salt(nonce), count: 0, full: Vec::new() }
    }

    /// Adds the next entry line (without its LF).
    pub fn add(&mut self, line: &[u8]) {
        let salt = keyed(&self.salt_key, &self.count.to_le_bytes());
        self.count += 1;
        let mut right = Hasher::default().update(&[0]).update(salt.bytes()).update(line).finish();
        let mut size = 1;
        while let Some((_, left)) = self.full.pop_if(|(n, _)| *n == size) {
            right = node(&left, &right);
            size *= 2;
        }
        self.full.push((size, right));
    }

    /// `entriesRoot` of the lines added so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut parts = self.full.iter().rev().map(|(_, hash)| *hash);
        let tree = match parts.next() {
            None => Hex([0; 32]),
            Some(last) => parts.fold(last, |right, left| node(&left, &right)),
        };
        Hasher::default().update(&[2]).update(&self.count.to_le_bytes()).update(tree.bytes()).finish()
    }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Hasher::default().update(&[1]).update(left.bytes()).update(right.bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Hex([0; 32]),
            [one] => *one,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node(&slow(&leaves[..k]), &slow(&leaves[k..]))
            }
        }
    }

    #[test]
    fn the_tree_splits_where_rfc_6962_splits() {
        let nonce = [9; 32];
        for n in 0..40_u64 {
            let mut tree = Tree::new(&nonce);
            let mut leaves = Vec::new();
            for i in 0..n {
                let line = format!("line {i}");
                tree.add(line.as_bytes());
                let salt = keyed(&entry_salt(&nonce), &i.to_le_bytes());
                leaves.push(Hasher::default().update(&[0]).update(salt.bytes()).update(line.as_bytes()).finish());
            }
            let want = Hasher::default().update(&[2]).update(&n.to_le_bytes()).update(slow(&leaves).bytes()).finish();
            assert_eq!(tree.root(), want, "{n}");
        }
    }
}
