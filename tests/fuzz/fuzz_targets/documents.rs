//! The target `documents`; what it does is in `src/documents.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::documents::run(data));
