//! The target `ledger`; what it does is in `src/ledger.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::ledger::run(data));
