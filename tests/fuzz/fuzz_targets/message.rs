//! libFuzzer on [`holdfast_fuzz::message`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| holdfast_fuzz::message::check(input));
