//! The stylesheet, served at a path that changes with it, and the pages' policy.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// The stylesheet of all pages.
pub const STYLE: &str = include_str!("style.css");

/// `/style-HASH.css`: what is served there never changes.
pub static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = Sha256::digest(STYLE);
    let hex: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("/style-{hex}.css")
});

/// `Content-Security-Policy` of every page: nothing of any other host, no script at all, no page
/// of ours in a frame of others; only the message's body is in a frame of ours.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'none'; style-src 'self'; img-src 'self'; \
     form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Further header fields of every page.
pub const PAGE_HEADERS: [(&str, &str); 6] = [
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
    ("cache-control", "no-store"),
];
