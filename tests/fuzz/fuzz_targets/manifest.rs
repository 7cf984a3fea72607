//! The target `manifest`; what it does is in `src/manifest.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::manifest::run(data));
