//! The target `container`; what it does is in `src/container.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::container::run(data));
