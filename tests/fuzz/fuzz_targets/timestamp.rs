//! libFuzzer on [`holdfast_fuzz::timestamp`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::timestamp::check(input));
