//! What all test crates share: stock tools, and the members of an outer file.
#![allow(dead_code, reason = "each test crate uses its own part of it")]

use std::io::Write;

/// Whether all stock tools are there. Where one is absent the test says so by name; `.ci/run` sets
/// `CONSIGN_ALL_TOOLS` and then an absent tool is a failure.
pub fn have(tools: &[&str]) -> bool {
    for tool in tools {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
        if !found {
            assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "the stock tool `{tool}` is not installed");
            // Past the test runner, which keeps what a passing test prints to itself.
            let _unused =
                writeln!(std::io::stderr(), "SKIPPED: a test needs the stock tool `{tool}`, which is not installed");
            return false;
        }
    }
    true
}

/// Name, offset of the data, size of each member of the outer file.
pub fn members(bundle: &[u8]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 512 <= bundle.len() && bundle[at] != 0 {
        let header = &bundle[at..at + 512];
        let name = header[..100].split(|b| *b == 0).next().unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&header[124..135]).unwrap(), 8).unwrap();
        found.push((String::from_utf8(name.to_vec()).unwrap(), at + 512, size));
        at += 512 + size.div_ceil(512) * 512;
    }
    found
}
