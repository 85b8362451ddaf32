//! The second factor: time-based one-time passwords (RFC 6238) with SHA-1, six digits and steps of
//! 30 seconds, which is what every authenticator app speaks; crate `totp-rs` computes them.
//!
//! One step of skew each way, for phones whose clocks are a little off (5.2). A code is accepted once
//! (5.2): the last step that was accepted is kept with the secret, and only later ones count. A last
//! step that lies in the future was written by a clock that went wrong; it is disregarded, because
//! else that clock would have locked the user out until its own time comes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use totp_rs::{Algorithm, Builder, Totp};

use super::keys::Keys;
use crate::time::Timestamp;

/// A secret of 160 bits that a user's app and we share. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; SECRET_BYTES]);

/// A step of 30 seconds since 1970.
pub type Step = u64;

impl TotpSecret {
    /// The secret that is offered to whoever holds `basis`, an activation link or a session that
    /// nobody can guess: the same each time, so that a page that is loaded twice shows one QR code
    /// and nothing needs to be kept before it is confirmed.
    pub(super) fn offered(keys: &Keys, basis: &str) -> Self {
        let mut secret = [0; SECRET_BYTES];
        for (to, from) in secret.iter_mut().zip(keys.enrolment.of(basis)) {
            *to = from;
        }
        Self(secret)
    }

    /// The step that `code` belongs to, if it is one that may be used now: of this moment or a step
    /// beside it, and later than `last`.
    pub(super) fn accepts(&self, code: &str, now: Timestamp, last: Option<Step>) -> Option<Step> {
        let totp = self.totp("", "")?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let now = step_at(now);
        let last = last.filter(|last| *last <= now.saturating_add(SKEW));
        let mut found = None;
        for step in now.saturating_sub(SKEW)..=now.saturating_add(SKEW) {
            let fits = totp
                .check(&code, step.saturating_mul(STEP_SECONDS))
                .is_some();
            if fits && last.is_none_or(|last| step > last) {
                found = Some(step);
            }
        }
        found
    }

    /// As base32 (RFC 4648, 6) without padding, for people who type it.
    pub fn base32(&self) -> String {
        totp_rs::Secret::from(self.0.to_vec()).to_base32()
    }

    /// The `otpauth` URI that apps read. It holds the secret: never log it.
    pub fn uri(&self, issuer: &str, account: &str) -> Option<String> {
        self.totp(issuer, account)?.to_url().ok()
    }

    /// The URI as a QR code: an `<svg>` element to stand in a page.
    pub fn qr_svg(&self, issuer: &str, account: &str) -> Option<String> {
        let code = QrCode::new(self.uri(issuer, account)?).ok()?;
        let image = code
            .render::<svg::Color>()
            .min_dimensions(QR_PIXELS, QR_PIXELS)
            .build();
        image
            .find("<svg")
            .and_then(|from| image.get(from..))
            .map(str::to_owned)
    }

    /// Without the colons that would end the issuer or the account in the URI.
    fn totp(&self, issuer: &str, account: &str) -> Option<Totp> {
        let clean = |text: &str| text.replace(':', " ").trim().to_owned();
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP_SECONDS)
            .with_skew(0)
            .with_secret(self.0.to_vec())
            .with_issuer(Some(clean(issuer)).filter(|issuer| !issuer.is_empty()))
            .with_account_name(clean(account))
            .build()
            .ok()
    }
}

/// Whether a text looks like a code of an app, and not like a recovery code.
pub(super) fn looks_like_a_code(text: &str) -> bool {
    let mut digits = 0;
    let fits = text.chars().filter(|c| !c.is_whitespace()).all(|c| {
        digits += 1;
        c.is_ascii_digit()
    });
    fits && digits == usize::from(DIGITS)
}

fn step_at(now: Timestamp) -> Step {
    u64::try_from(now.millis() / 1_000).unwrap_or(0) / STEP_SECONDS
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

impl Serialize for TotpSecret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TotpSecret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD_NO_PAD.decode(text).ok();
        let secret = bytes.and_then(|bytes| bytes.try_into().ok());
        secret
            .map(Self)
            .ok_or_else(|| de::Error::custom("not a secret of 20 bytes in base64"))
    }
}

const SECRET_BYTES: usize = 20;
const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;
/// Steps before and after this moment's whose codes are taken too.
const SKEW: u64 = 1;
/// Width and height of a QR code at least, in CSS pixels.
const QR_PIXELS: u32 = 200;

#[cfg(test)]
impl TotpSecret {
    /// The code that an app would show.
    pub(crate) fn code(&self, now: Timestamp) -> String {
        let seconds = u64::try_from(now.millis() / 1_000).unwrap();
        self.totp("", "").unwrap().generate(seconds).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn rfc() -> TotpSecret {
        TotpSecret(*b"12345678901234567890")
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238_appendix_b() {
        // The last six of the eight digits there.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code(at(seconds)), code);
            let step = u64::try_from(seconds).unwrap() / 30;
            assert_eq!(rfc().accepts(code, at(seconds), None), Some(step));
        }
        assert_eq!(
            rfc().accepts(" 287 082 ", at(59), None),
            Some(1),
            "as people type it"
        );
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        let now = 1_111_111_111;
        for (off, taken) in [
            (-60, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            let code = rfc().code(at(now + off));
            assert_eq!(
                rfc().accepts(&code, at(now), None).is_some(),
                taken,
                "{off}"
            );
        }
        for nonsense in ["", "28708", "2870822", "+28708", "２８７０８２", "287o82"] {
            assert_eq!(rfc().accepts(nonsense, at(59), None), None, "{nonsense}");
        }
    }

    #[test]
    fn a_code_is_accepted_once_and_none_older_than_it() {
        let now = at(1_111_111_111);
        let step = rfc().accepts("050471", now, None).unwrap();
        assert_eq!(rfc().accepts("050471", now, Some(step)), None);
        assert_eq!(
            rfc().accepts("081804", now, Some(step)),
            None,
            "the one before"
        );
        let next = rfc().code(at(1_111_111_111 + 30));
        assert_eq!(rfc().accepts(&next, now, Some(step)), Some(step + 1));
    }

    #[test]
    fn a_last_step_out_of_the_future_locks_nobody_out() {
        let now = at(1_111_111_111);
        let leapt = Some(step_at(now) + 1_000_000);
        assert!(rfc().accepts("050471", now, leapt).is_some());
    }

    #[test]
    fn the_uri_and_its_picture_are_what_apps_read() {
        let uri = rfc().uri("Hold:fast", "anna@example.org").unwrap();
        assert!(
            uri.starts_with("otpauth://totp/Hold%20fast:anna%40example.org?"),
            "{uri}"
        );
        assert!(
            uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{uri}"
        );
        assert_eq!(rfc().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let svg = rfc().qr_svg("Holdfast", "anna@example.org").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        assert_eq!(rfc().uri("Holdfast", ""), None, "an app shows whose it is");
        assert_eq!(rfc().qr_svg("Holdfast", &"a".repeat(5_000)), None);
    }

    #[test]
    fn a_secret_is_kept_and_not_printed() {
        let kept = serde_json::to_string(&rfc()).unwrap();
        assert_eq!(serde_json::from_str::<TotpSecret>(&kept).unwrap(), rfc());
        assert!(serde_json::from_str::<TotpSecret>("\"MTIz\"").is_err());
        assert_eq!(format!("{:?}", rfc()), "TotpSecret(..)");
    }

    #[test]
    fn the_secret_offered_for_a_link_is_always_the_same_and_no_other_s() {
        let keys = Keys::new(&"k".repeat(32)).unwrap();
        assert_eq!(
            TotpSecret::offered(&keys, "a"),
            TotpSecret::offered(&keys, "a")
        );
        assert_ne!(
            TotpSecret::offered(&keys, "a"),
            TotpSecret::offered(&keys, "b")
        );
    }
}
