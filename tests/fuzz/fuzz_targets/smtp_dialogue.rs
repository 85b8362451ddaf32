//! libFuzzer on [`holdfast_fuzz::smtp_dialogue`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::smtp_dialogue::check(input));
