//! Moments and lengths of time: what is read is written so that it reads back as the same, and is the
//! moment that a library made for it reads.

use holdfast_core::config::duration;
use holdfast_core::time::Timestamp;

/// The input is a text.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(length) = duration("key", text) {
        let millis = duration("key", &format!("{}ms", length.as_millis()));
        assert_eq!(millis, Ok(length), "a length of time in milliseconds");
    }
    let Some(moment) = Timestamp::parse(text) else {
        return;
    };
    let written = moment.to_string();
    assert_eq!(Timestamp::parse(&written), Some(moment), "{written}");
    assert!(written.starts_with(&moment.day()), "{written}");
    let json = serde_json::to_string(&moment).unwrap();
    assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
    assert_eq!(moment.after(moment.since(moment)), moment);

    // A leap second is the next minute's first here, and the minute's last there. Nobody writes
    // fractions of less than a nanosecond but a fuzzer.
    let leap = text.get(17..19) == Some("60");
    if let (false, Ok(library)) = (leap, text.parse::<jiff::Timestamp>()) {
        let millis = library.as_nanosecond().div_euclid(1_000_000);
        assert_eq!(millis, i128::from(moment.millis()), "{text:?}");
        let mail = library.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        assert_eq!(moment.rfc5322(), mail);
    }
}
