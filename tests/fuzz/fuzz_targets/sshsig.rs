//! The target `sshsig`; what it does is in `src/sshsig.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| consign_fuzz::sshsig::run(data));
