//! The ledger. An even first byte: the rest is the file of a chain. An odd one: the rest is lines whose number, writer
//! and hash are mended first, so that a chain is followed further than to its first line.

use std::fs;

use consign::class::Fault;
use consign::crypto::{Hex, digest};
use consign::exchange::{Home, Ledger};
use consign::format::json;
use consign::format::record::{Event, Head, Line, Writer};
use consign::format::version::LINE_MAX;

use super::opening::Scratch;
use super::support::now;

const WRITER: &str = "00112233445566aa";

pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else { return };
    let file = if mode % 2 == 0 { rest.to_vec() } else { mended(rest) };
    let scratch = Scratch::new();
    let home = Home::at(scratch.path().join("home"));
    fs::create_dir_all(home.path().join("ledger")).unwrap();
    fs::write(home.path().join("writer"), WRITER).unwrap();
    fs::write(home.path().join("ledger").join(format!("{WRITER}.jsonl")), &file).unwrap();
    let ledger = Ledger::open(&home);
    let _names = ledger.sent_names().unwrap();
    let event = Event::PartnerRemoved { partner: "x".into() };
    match ledger.verify() {
        Ok(sound) => {
            assert_eq!(ledger.head().unwrap(), Head { entries: sound.entries, head: sound.head });
            assert_eq!(ledger.lines().unwrap().count() as u64, sound.entries);
            assert_eq!(ledger.append(&event, now(), None).unwrap(), sound.entries + 1);
            let after = ledger.verify().unwrap();
            assert_eq!((after.entries, after.torn), (sound.entries + 1, false));
        }
        Err(e) => {
            assert!(matches!(e.word(), "ledger-broken" | "ledger-forked"), "{e}");
            // Only the last line is looked at, so this may go well; what it may not do is panic.
            let _appended = ledger.append(&event, now(), None);
        }
    }
}

fn mended(lines: &[u8]) -> Vec<u8> {
    let (mut out, mut head) = (Vec::new(), Head::default());
    for text in lines.split(|b| *b == b'\n') {
        let Ok(line) = json::parse::<Line>(text, "x") else {
            out.extend_from_slice(text);
            out.push(b'\n');
            continue;
        };
        let writer = Writer::parse(WRITER.as_bytes()).unwrap();
        let line = Line { n: head.entries, prev: head.head, writer, ..line };
        let spelled = serde_json::to_vec(&line).unwrap();
        if spelled.len() > LINE_MAX {
            continue;
        }
        let again = json::parse::<Line>(&spelled, "x").unwrap();
        assert_eq!(again, line);
        let mut follows = head;
        assert_eq!(follows.follow(&spelled).unwrap(), line);
        assert_eq!(follows, Head { entries: head.entries + 1, head: digest(&spelled) });
        head = follows;
        out.extend_from_slice(&spelled);
        out.push(b'\n');
    }
    assert!(head.entries == 0 || head.head != Hex([0; 32]));
    out
}
