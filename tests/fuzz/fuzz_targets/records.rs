//! libFuzzer on [`holdfast_fuzz::records`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::records::check(input));
