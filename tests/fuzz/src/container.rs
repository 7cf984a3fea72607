//! The outer reader: is a file a bundle, and where are the members of its tail? Nothing is signed here, so every byte
//! is the fuzzer's. An even first byte: the rest is the file. An odd one: the rest says which members to write with
//! sound headers, what `end` says of them, and what is edited afterwards.

use consign::bundle::Opened;
use consign::class::Fault;
use consign::format::container::{End, Member, push_member};
use consign::format::tar::{outer, outer_name, outer_size};

use super::edits::Edits;
use super::input::Input;
use super::opening::Scratch;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let file = if input.byte() % 2 == 0 { input.0.to_vec() } else { members(&mut input) };
    headers_have_one_spelling(&file);
    closings_have_one_spelling(&file);
    let scratch = Scratch::new();
    match Opened::read(scratch.source(&file)) {
        Ok(opened) => assert_eq!(opened.size(), file.len() as u64),
        Err(e) => assert!(!matches!(e.word(), "bug" | "io"), "{e}"),
    }
}

/// Members with sound headers, then edits of the whole.
fn members(input: &mut Input<'_>) -> Vec<u8> {
    let (mut out, mut places) = (Vec::new(), [0_u64; 3]);
    for _ in 0..input.byte() % 24 {
        let member = member(input);
        let place = match member {
            Member::Key(0) | Member::Terms(0) => Some(0),
            Member::Sums => Some(1),
            Member::Envelope => Some(2),
            _ => None,
        };
        if let Some(place) = place {
            places[place] = out.len() as u64;
        }
        push_member(&mut out, member, input.chunk());
    }
    let [tail, sums, envelope] = places;
    out.extend_from_slice(&End { tail, sums, envelope }.closing());
    let edits = Edits::read(input);
    edits.0.iter().for_each(|e| e.apply(&mut out));
    out
}

fn member(input: &mut Input<'_>) -> Member {
    let kind = input.byte();
    let n = usize::from(kind >> 4);
    match kind & 15 {
        0 => Member::Readme,
        1 => Member::Card,
        2 => Member::Volume(n, 0),
        3 => Member::Manifest(n),
        4 | 10 | 11 => Member::Key(n),
        5 => Member::Terms(n),
        6 | 12 => Member::Sums,
        7 | 13 => Member::Envelope,
        8 | 14 => Member::Signature(n),
        _ => Member::End,
    }
}

fn headers_have_one_spelling(file: &[u8]) {
    for header in file.chunks_exact(512).take(64) {
        let (name, size) = (outer_name(header), outer_size(header));
        if let (Ok(name), Some(size)) = (std::str::from_utf8(name), size) {
            let again = outer(name, size);
            assert_eq!((outer_name(&again), outer_size(&again)), (name.as_bytes(), Some(size)));
        }
    }
}

fn closings_have_one_spelling(file: &[u8]) {
    let closing = &file[file.len().saturating_sub(2048)..];
    if let Ok(end) = End::parse(closing) {
        assert_eq!(end.closing(), closing);
    }
}
