//! libFuzzer on [`holdfast_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::config::check(input));
