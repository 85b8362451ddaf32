//! libFuzzer on [`holdfast_fuzz::tokens`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::tokens::check(input));
