//! Which names can be sent (FORMAT §3, paths and links): safe ones, and, unless the user allows others, those that every
//! platform can hold and keep apart. All of them are looked at before a file is read.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::files::{Error, Faults, Listing, Result, What};
use crate::format;
use crate::format::names::{collision_key, unportable};
use crate::format::relpath::{RelPath, check_link};

/// Which names are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    /// Also those that some platform can't hold, or can't keep apart.
    pub(super) allow_unportable: bool,
}

/// Checks every name of a listing.
pub(super) fn check(listing: &Listing, names: Names) -> Result<()> {
    let mut faults = Faults::default();
    let mut path = String::new();
    for i in 0..listing.len() {
        listing.path_into(i, &mut path);
        if let Some(why) = fault_of(listing, i, &path, names) {
            faults.add(path.clone(), Error::BadName { path: path.clone(), why });
        }
    }
    faults.check()?;
    if names.allow_unportable { Ok(()) } else { collisions(listing) }
}

fn fault_of(listing: &Listing, i: usize, path: &str, names: Names) -> Option<String> {
    let path = match RelPath::new(path) {
        Ok(path) => path,
        Err(e) => return Some(why(e)),
    };
    if let What::Link { .. } = listing.what(i)
        && let Err(e) = check_link(&path, listing.target(i))
    {
        return Some(format!("it is a link to `{}`, and {}", listing.target(i), why(e)));
    }
    // Rows of one name are neighbours; only a forged tree has them.
    if i > 0 && listing.parent(i - 1) == listing.parent(i) && listing.name(i - 1) == path.name() {
        return Some("its folder holds it twice".to_owned());
    }
    // Only its own name: its folders are entries too.
    let fault = unportable(path.name()).filter(|_| !names.allow_unportable)?;
    Some(format!("it {fault}"))
}

fn why(error: format::Error) -> String {
    match error {
        format::Error::UnsafePath { why, .. } | format::Error::UnsafeLink { why, .. } => why.to_owned(),
        other => other.to_string(),
    }
}

fn collisions(listing: &Listing) -> Result<()> {
    let Some(&(first, second)) = pairs(listing).iter().min() else { return Ok(()) };
    Err(Error::Collision { first: listing.path(first), second: listing.path(second) })
}

/// Finds paths that are one on some system. Only hashes are sorted, 16 bytes an entry; names are compared where two
/// are equal. Folders are hashed once, with their parent's hash, since folding works within components.
pub(super) fn pairs(listing: &Listing) -> Vec<(usize, usize)> {
    let mut hashes: Vec<(u64, u32)> = Vec::with_capacity(listing.len());
    for (i, number) in (0..listing.len()).zip(0_u32..) {
        let above = listing.parent(i).and_then(|parent| hashes.get(parent)).map_or(0, |(hash, _)| *hash);
        let mut hasher = DefaultHasher::new();
        above.hash(&mut hasher);
        collision_key(listing.name(i)).hash(&mut hasher);
        hashes.push((hasher.finish(), number));
    }
    hashes.sort_unstable();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for pair in hashes.windows(2) {
        if let [(a, i), (b, j)] = pair
            && a == b
            && collision_key(&listing.path(*i as usize)) == collision_key(&listing.path(*j as usize))
        {
            pairs.push((*i as usize, *j as usize));
        }
    }
    pairs
}
