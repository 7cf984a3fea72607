//! The target `keys`; what it does is in `src/keys.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::keys::run(data));
