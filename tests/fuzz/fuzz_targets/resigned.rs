//! The target `resigned`; what it does is in `src/resigned.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::resigned::run(data));
