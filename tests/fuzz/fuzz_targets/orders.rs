//! libFuzzer on [`holdfast_fuzz::orders`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::orders::check(input));
