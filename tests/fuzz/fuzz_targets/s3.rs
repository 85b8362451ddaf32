//! libFuzzer on [`holdfast_fuzz::s3`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::s3::check(input));
