//! libFuzzer on [`holdfast_fuzz::smtp_reply`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::smtp_reply::check(input));
