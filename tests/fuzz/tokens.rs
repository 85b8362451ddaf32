//! Who it says it is and what else a head says: only the right key opens a door, and what is taken of
//! a key or a digest is what was written.

use holdfast_core::custody::held::Digest;
use holdfast_core::partner::{authenticate, bearer_is};
use holdfast_core::submit::request::{Head, begin};

use crate::world;

/// Four lines: `Authorization`, `Idempotency-Key`, `Content-Digest`, `Content-Type`.
pub fn check(input: &[u8]) {
    let config = world::config();
    let (authorization, rest) = crate::cut(input, b"\n");
    let holds = |secret: &[u8]| {
        authorization
            .windows(secret.len())
            .any(|part| part == secret)
    };
    if authenticate(&config.partners, Some(authorization)).is_ok() {
        // `acme:foo` in base64.
        assert!(holds(b"foo") || holds(b"YWNtZTpmb2"), "{authorization:?}");
    }
    if bearer_is(Some(authorization), "foo") {
        assert_eq!(authorization[6..].trim_ascii(), b"foo");
        assert!(authenticate(&config.partners, Some(authorization)).is_ok());
    }
    assert!(!bearer_is(Some(authorization), ""));

    let Ok(rest) = std::str::from_utf8(rest) else {
        return;
    };
    let mut lines = rest.split('\n').map(str::to_owned);
    let mut head = Head {
        query: "from=&to=ann@example.org".into(),
        authorization: Some(b"Bearer foo".to_vec()),
        content_type: Some("message/rfc822".into()),
        ..Head::default()
    };
    if let Some(field) = lines.next() {
        let with = |key: String| Head {
            idempotency_key: Some(key),
            ..head.clone()
        };
        if let Ok(request) = begin(config, &with(field)) {
            let key = request.idempotency_key.unwrap();
            assert!((1..=256).contains(&key.len()));
            assert!(key.bytes().all(|octet| (0x20..0x7f).contains(&octet)));
            let quoted = begin(config, &with(format!("\"{key}\""))).unwrap();
            assert_eq!(quoted.idempotency_key, Some(key), "quoted is the same");
        }
    }
    head.content_digest = lines.next();
    if let Some(digest) = head.content_digest.as_deref().and_then(Digest::parse) {
        assert_eq!(Digest::parse(&digest.field()), Some(digest));
        let request = begin(config, &head).unwrap();
        assert!(request.check_digest(Some(digest)).is_ok());
        assert!(request.check_digest(Some(Digest::of(&digest.0))).is_err());
    } else {
        assert_eq!(begin(config, &head).is_err(), head.content_digest.is_some());
    }
    head.content_digest = None;
    head.content_type = lines.next();
    if let Ok(request) = begin(config, &head) {
        assert!(request.body_limit >= config.limits.message_bytes);
    }
}
