//! The configuration document and the secrets beside it: what is taken keeps the bounds that the rest
//! counts on, and what is refused repeats no secret.

use holdfast_core::config::{Config, name};
use holdfast_core::limits;

/// The document and, behind a line `%%`, the credentials.
pub fn check(input: &[u8]) {
    let (document, credentials) = crate::cut(input, b"\n%%\n");
    let (Ok(document), Ok(credentials)) = (
        std::str::from_utf8(document),
        std::str::from_utf8(credentials),
    ) else {
        return;
    };
    let parsed = Config::parse(document, credentials);
    // A word of the document may be repeated, but for what looks like a password in an address.
    let secret = document.replace(":hunter2@", "");
    assert!(
        secret.contains("hunter2") || !format!("{parsed:?}").contains("hunter2"),
        "a secret is shown"
    );
    let Ok(config) = parsed else {
        return;
    };
    assert!((1..=limits::MESSAGE_BYTES_CEILING).contains(&config.limits.message_bytes));
    assert!((1..=limits::RECIPIENTS_CEILING).contains(&config.limits.recipients));
    assert!(!config.hostname.contains(char::is_whitespace));
    for route in &config.routes {
        assert!(name("key", route.name.as_str()).is_ok());
        assert!(!route.domains.is_empty() && !route.primaries.is_empty());
        assert!(route.health.base_ejection_time <= route.health.max_ejection_time);
        assert!(route.timeouts.connect <= limits::FORWARD_BUDGET);
        assert!(route.timeouts.data_end <= limits::DATA_END);
        let found = config.route(route.name.as_str()).unwrap();
        assert!(std::ptr::eq(found, route), "no two routes have one name");
        for pattern in &route.domains {
            let text = pattern.to_string();
            let domain = text.trim_start_matches("*.").parse().unwrap();
            let below = format!("below.{domain}").parse();
            let served = config.route_for(&domain).is_some()
                || below.is_ok_and(|below| config.route_for(&below).is_some());
            assert!(served || text.len() > 240, "{text} is served");
        }
    }
    for partner in &config.partners {
        assert!(name("key", &partner.name).is_ok());
    }
}
