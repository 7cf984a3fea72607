//! The target `agehead`; what it does is in `src/agehead.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::agehead::run(data));
