//! libFuzzer on [`holdfast_fuzz::windows`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::windows::check(input));
