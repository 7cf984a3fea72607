//! The target `ignore`; what it does is in `src/ignore.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::ignore::run(data));
