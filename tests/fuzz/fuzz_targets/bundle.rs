//! The target `bundle`; what it does is in `src/bundle.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::bundle::run(data));
