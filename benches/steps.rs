//! The hot steps one by one, without a disk: `cargo bench --bench steps`. Which of them dominates a whole run is in
//! docs/PERFORMANCE.md. Where the stream is cut (`bundle/plan.rs`) is no public step; selecting a folder stands for
//! all that is done before the first volume.

use std::hint::black_box;

use consign::bundle::select::{From, Order, Selection};
use consign::crypto::{CompartmentKey, Digest, Hex, digest, slice_hash};
use consign::files::{Silent, printable};
use consign::format::entries::Entries;
use consign::format::entry::{Entry, Kind};
use consign::format::frame::{Squeezer, Unsqueezer};
use consign::format::manifest::FrameWriter;
use consign::format::relpath::RelPath;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

/// What the packer aims at for a volume.
const VOLUME: usize = 4 << 20;
const ENTRIES: usize = 10_000;

fn main() {
    // `cargo test --all-targets` runs this file without `--bench`; divan then tries each step once.
    divan::main();
}

/// Paths as they are in a tree of sources.
fn path(number: usize) -> String {
    format!("drivers/net/vendor{:03}/chip{:02}/source_file_{number:06}.c", number / 100, number / 10 % 10)
}

/// Folders before what is in them, in the order of a manifest.
fn entries() -> Vec<Entry> {
    let mut paths: Vec<(String, bool)> = (0..ENTRIES).map(|n| (path(n), false)).collect();
    let above = |p: &str| p.match_indices('/').map(|(at, _)| p[..at].to_owned()).collect::<Vec<_>>();
    let mut folders: Vec<String> = paths.iter().flat_map(|(p, _)| above(p)).collect();
    folders.sort();
    folders.dedup();
    paths.extend(folders.into_iter().map(|f| (f, true)));
    paths.sort();
    paths.into_iter().map(|(p, dir)| entry(p, dir)).collect()
}

fn entry(path: String, dir: bool) -> Entry {
    let b3: Digest = digest(path.as_bytes());
    let file = Kind::File { size: 17_000, b3, exec: false, unchanged: false };
    let path = RelPath::new(path).expect("a good path");
    Entry { path, kind: if dir { Kind::Dir } else { file }, mtime: 1_795_000_000 }
}

/// A volume of text, about as compressible as source code: words in an order that does not repeat.
fn volume() -> Vec<u8> {
    let words =
        ["return ", "static ", "struct ", "buffer", "->", "length", " = 0;\n", "if (", ")\n", "\t\t", "err", "dev"];
    let mut state = 7_u32;
    let mut out = Vec::with_capacity(VOLUME + 16);
    while out.len() < VOLUME {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(words[(state >> 16) as usize % words.len()].as_bytes());
        if state >> 28 == 0 {
            out.extend_from_slice(format!("{:x}", state >> 8).as_bytes());
        }
    }
    out.truncate(VOLUME);
    out
}

fn frame() -> Vec<u8> {
    let mut out = Vec::new();
    Squeezer::default().squeeze(&volume(), 3, &mut out).expect("room");
    out
}

mod tree {
    use super::*;

    /// Walk, judge every name, sort: 2,000 files in 20 folders.
    #[divan::bench]
    fn select(bencher: Bencher) {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..2_000 {
            let path = folder.path().join(path(number));
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "").expect("a file");
        }
        bencher.counter(ItemsCount::new(2_000_usize)).bench_local(|| {
            let order = Order {
                from: From::Folder(folder.path()),
                globs: &[],
                scope: None,
                allow_unportable: false,
                latest: None,
                keep_out: &[],
                survey: false,
            };
            Selection::of(&order, &Silent).expect("a tree").len()
        });
    }

    #[divan::bench]
    fn check_path(bencher: Bencher) {
        let paths: Vec<String> = (0..ENTRIES).map(path).collect();
        bencher
            .counter(ItemsCount::new(ENTRIES))
            .with_inputs(|| paths.clone())
            .bench_local_values(|paths| paths.into_iter().map(RelPath::new).filter(Result::is_ok).count());
    }

    #[divan::bench]
    fn printable_path(bencher: Bencher) {
        let paths: Vec<String> = (0..ENTRIES).map(path).collect();
        bencher
            .counter(ItemsCount::new(ENTRIES))
            .bench_local(|| paths.iter().map(|p| printable(p).len()).sum::<usize>());
    }

    #[divan::bench]
    fn tar_heads(bencher: Bencher) {
        let entries = entries();
        let mut out = Vec::with_capacity(entries.len() * 512);
        bencher.counter(ItemsCount::new(entries.len())).bench_local(|| {
            out.clear();
            entries.iter().for_each(|e| e.head().push(&mut out));
            black_box(out.len())
        });
    }
}

mod manifest {
    use super::*;

    fn lines(entries: &[Entry]) -> Vec<Vec<u8>> {
        let line = |e: &Entry| {
            let mut line = Vec::new();
            e.push_line(&mut line);
            line
        };
        entries.iter().map(line).collect()
    }

    fn frames(entries: &[Entry]) -> Vec<u8> {
        let (mut writer, mut line, mut offset) = (FrameWriter::default(), Vec::new(), 0);
        for entry in entries {
            writer.add_entry(entry, offset, &mut line).expect("room");
            offset += entry.span();
        }
        writer.flush().expect("room");
        writer.frames
    }

    #[divan::bench]
    fn spell_lines(bencher: Bencher) {
        let entries = entries();
        let mut out = Vec::with_capacity(entries.len() * 200);
        bencher.counter(ItemsCount::new(entries.len())).bench_local(|| {
            out.clear();
            entries.iter().for_each(|e| e.push_line(&mut out));
            black_box(out.len())
        });
    }

    #[divan::bench]
    fn parse_lines(bencher: Bencher) {
        let lines = lines(&entries());
        bencher
            .counter(ItemsCount::new(lines.len()))
            .bench_local(|| lines.iter().filter(|l| Entry::parse(black_box(l)).is_ok()).count());
    }

    #[divan::bench]
    fn write_frames(bencher: Bencher) {
        let entries = entries();
        bencher.counter(ItemsCount::new(entries.len())).bench_local(|| frames(black_box(&entries)).len());
    }

    /// As `list` reads them, and with hashes (`full`) as `unpack` does.
    #[divan::bench(args = [false, true])]
    fn read_frames(bencher: Bencher, full: bool) {
        let entries = entries();
        let frames = frames(&entries);
        bencher.counter(ItemsCount::new(entries.len())).bench_local(|| {
            let mut reader = Entries::new(&frames[..], &[7; 32], full);
            let mut count = 0;
            while let Some(entry) = reader.next().expect("a manifest") {
                count += entry.path.as_str().len();
            }
            count
        });
    }
}

mod one_volume {
    use super::*;

    #[divan::bench]
    fn hash(bencher: Bencher) {
        let volume = volume();
        bencher.counter(BytesCount::new(VOLUME)).bench_local(|| digest(black_box(&volume)));
    }

    #[divan::bench]
    fn hash_slice(bencher: Bencher) {
        let volume = volume();
        bencher.counter(BytesCount::new(VOLUME)).bench_local(|| slice_hash(VOLUME as u64, black_box(&volume)));
    }

    #[divan::bench]
    fn compress(bencher: Bencher) {
        let (volume, mut squeezer, mut out) = (volume(), Squeezer::default(), Vec::new());
        bencher.counter(BytesCount::new(VOLUME)).bench_local(|| squeezer.squeeze(black_box(&volume), 3, &mut out));
    }

    #[divan::bench]
    fn decompress(bencher: Bencher) {
        let (frame, mut unsqueezer, mut out) = (frame(), Unsqueezer::default(), Vec::new());
        bencher
            .counter(BytesCount::new(VOLUME))
            .bench_local(|| unsqueezer.unsqueeze(black_box(&frame), VOLUME, "a volume", &mut out));
    }

    #[divan::bench]
    fn encrypt(bencher: Bencher) {
        let (frame, key, mut out) = (frame(), CompartmentKey::generate(false).unwrap(), Vec::new());
        bencher.counter(BytesCount::new(frame.len())).bench_local(|| {
            out.clear();
            key.encrypt_into(black_box(&frame), &mut out)
        });
    }

    #[divan::bench]
    fn decrypt(bencher: Bencher) {
        let (frame, key) = (frame(), CompartmentKey::generate(false).unwrap());
        let (mut file, mut out) = (Vec::new(), Vec::new());
        key.encrypt_into(&frame, &mut file).expect("a volume");
        bencher.counter(BytesCount::new(frame.len())).bench_local(|| {
            out.clear();
            key.decrypt_into(black_box(&file), "a volume", &mut out)
        });
    }

    #[divan::bench]
    fn proof_of_possession(bencher: Bencher) {
        let (frame, challenge) = (frame(), Hex([9; 32]));
        bencher
            .counter(BytesCount::new(frame.len()))
            .bench_local(|| consign::crypto::keyed(challenge.bytes(), black_box(&frame)));
    }
}
