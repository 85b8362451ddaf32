//! libFuzzer on [`holdfast_fuzz::address`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::address::check(input));
