//! libFuzzer on [`holdfast_fuzz::held`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::held::check(input));
