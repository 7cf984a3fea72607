//! The target `envelope`; what it does is in `src/envelope.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::envelope::run(data));
