//! The lines of a manifest and the frames around them. An even first byte: the rest is the age plaintext as it is. An
//! odd one: the rest is lines, 0xff parts them into frames, and they are compressed as they must be.

use consign::class::Fault;
use consign::format::entries::Entries;
use consign::format::entry::{Entry, Kind};
use consign::format::frame::{Squeezer, Unsqueezer, first_len, plain_len};
use consign::format::manifest::Front;
use consign::format::names::{collision_key, unportable};
use consign::format::relpath::{RelPath, check_link};
use consign::format::version::MANIFEST_FRAME_MAX;

const WORDS: [&str; 5] = ["changed", "newer-format", "too-large", "unsafe-path", "unsafe-link"];

pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let plain = if mode % 2 == 0 { rest.to_vec() } else { framed(rest) };
    frames(&plain);
    rest.split(|b| *b == b'\n' || *b == 0xff).for_each(line);
    entries(&plain, None);
    if let Ok((front, read)) = Front::read(plain.as_slice(), 1 << 22) {
        front_has_one_meaning(&front);
        entries(&plain[usize::try_from(read.plain).unwrap()..], Some((1 << 22) - read.lines));
    }
}

fn framed(lines: &[u8]) -> Vec<u8> {
    let (mut out, mut frame, mut squeezer) = (Vec::new(), Vec::new(), Squeezer::default());
    for some in lines.split(|b| *b == 0xff).filter(|some| !some.is_empty()) {
        squeezer.squeeze(some, 1, &mut frame).unwrap();
        assert_eq!(plain_len(&frame, "x").unwrap(), some.len() as u64);
        out.extend_from_slice(&frame);
    }
    out
}

/// What a frame says of itself is what is in it.
fn frames(plain: &[u8]) {
    let Ok(len) = first_len(plain, "x") else { return };
    let (frame, mut out) = (&plain[..len], Vec::new());
    let size = plain_len(frame, "x");
    if Unsqueezer::default().unsqueeze(frame, MANIFEST_FRAME_MAX, "x", &mut out).is_ok() {
        assert_eq!(size.unwrap(), out.len() as u64);
        assert!(!out.is_empty() && out.len() <= MANIFEST_FRAME_MAX);
    }
}

/// What can be read as an entry has no other spelling, and its header is as long as it says.
fn line(line: &[u8]) {
    let entry = match Entry::parse(line) {
        Ok(entry) => entry,
        Err(e) => return assert!(WORDS.contains(&e.word()), "{e}"),
    };
    let mut spelled = Vec::new();
    entry.push_line(&mut spelled);
    assert_eq!(spelled, line);
    let (head, mut header) = (entry.head(), Vec::new());
    head.push(&mut header);
    assert_eq!(header.len() as u64, head.len());
    assert!(header.len().is_multiple_of(512));
    let path = entry.path.as_str();
    assert_eq!(collision_key(&collision_key(path)), collision_key(path));
    let stays = |c: &str| !matches!(c, "" | "." | "..") && !c.contains('\0');
    assert!(path.split('/').all(|c| stays(c) && (unportable(c).is_some() || !c.contains(['\\', ':']))));
    if let Kind::Link { to } = &entry.kind {
        link_stays(&entry.path, to);
    }
}

/// Followed by name, a link never leaves the tree.
fn link_stays(path: &RelPath, to: &str) {
    check_link(path, to).unwrap();
    let mut depth = i64::try_from(path.as_str().matches('/').count()).unwrap();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        assert!(depth >= 0 && !to.starts_with('/'), "{path} -> {to}");
    }
}

/// With and without hashes, the same entries are read; they are sorted and each has its folder.
fn entries(plain: &[u8], most: Option<u64>) {
    let walk = |full| {
        let mut entries = Entries::new(plain, &[7; 32], full);
        if let Some(most) = most {
            entries = entries.bounded(most);
        }
        let mut seen: Vec<Entry> = Vec::new();
        let end = loop {
            match entries.next() {
                Ok(Some(entry)) => seen.push(entry),
                Ok(None) => break Ok(()),
                Err(e) => break Err(e.word()),
            }
        };
        (seen, end, entries.tally.offset, entries.lines_read())
    };
    let (seen, end, offset, read) = walk(true);
    assert_eq!(walk(false), (seen.clone(), end, offset, read));
    assert!(end.is_ok() || end.is_err_and(|word| WORDS.contains(&word)));
    assert!(seen.windows(2).all(|w| w[0].path < w[1].path));
    for entry in &seen {
        let folder = |p: &str| seen.iter().any(|e| e.path.as_str() == p && e.kind == Kind::Dir);
        assert!(entry.path.parent().is_none_or(folder), "{}", entry.path);
    }
    finds(plain, &seen, end.is_ok());
}

/// An entry is found by its bytes, and where it is. Of what can't be read to its end, another line may be found.
fn finds(plain: &[u8], seen: &[Entry], sound: bool) {
    let mut offset = 0;
    for entry in seen {
        let found = Entries::new(plain, &[7; 32], false).find(entry.path.as_str());
        if sound {
            assert_eq!(found.unwrap(), Some((entry.clone(), offset)), "{}", entry.path);
        }
        offset += entry.span();
    }
    let absent = Entries::new(plain, &[7; 32], false).find("a path that is not there");
    assert!(!sound || absent.unwrap().is_none());
}

fn front_has_one_meaning(front: &Front) {
    let spelled = Front::write(&front.head, &front.terms_line, &front.volumes).unwrap();
    let (again, read) = Front::read(spelled.frames.as_slice(), spelled.total).unwrap();
    assert_eq!((&again.head, &again.terms, &again.volumes), (&front.head, &front.terms, &front.volumes));
    assert_eq!((read.plain, read.lines), (spelled.frames.len() as u64, spelled.total));
    let _same = front.terms.line().map(|line| assert_eq!(front.terms, reread(&line)));
}

fn reread(line: &[u8]) -> consign::format::terms::Terms {
    consign::format::terms::Terms::parse(line).unwrap()
}
