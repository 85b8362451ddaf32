//! libFuzzer on [`holdfast_fuzz::submission`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::submission::check(input));
