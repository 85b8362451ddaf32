//! The secrets among the settings: whether they are there, can be used, and are not one another.
//! None of them is ever printed.

use holdfast_core::config::Config;
use holdfast_core::inbound::secrets::GatewaySecrets;
use holdfast_core::people::login::keys::Keys;
use rustls::SignatureAlgorithm;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::findings::Findings;
use super::settings::Settings;

/// Checks all of them; an installation that is not configured yet may lack some.
pub fn check(settings: &Settings<'_>, config: Option<&Config>, findings: &mut Findings) {
    let unconfigured = config.is_none();
    tokens(settings, unconfigured, findings);
    session_key(settings, findings);
    dkim_key(settings, config, findings);
    gateway_keys(settings, config, findings);
}

/// Who may ask what: the operator, whoever lets time pass, whoever pushes the directory.
fn tokens(settings: &Settings<'_>, unconfigured: bool, findings: &mut Findings) {
    let tokens = [
        (
            "operator_token",
            "nobody can see the health or give orders",
            !unconfigured,
        ),
        (
            "tick_token",
            "nobody can let time pass, so held mail waits for other mail",
            !unconfigured,
        ),
        (
            "scim_token",
            "only whoever has the operator_token can change the directory",
            false,
        ),
    ];
    for (name, without, needed) in tokens {
        let what = format!("it is not set: {without}");
        let mend = format!("--variable {name}=@FILE, with a long random text in the file");
        match settings.get(name).len() {
            0 if needed => findings.problem(name, &what, &mend),
            0 => findings.note(name, &what, &mend),
            1..TOKEN_CHARS => findings.note(name, "it is short and may be guessed", &mend),
            _ => findings.ok(name, "it is set"),
        }
    }
    let operator = settings.get("operator_token");
    let shared = [
        ("tick_token", "whoever lets time pass may give orders"),
        ("scim_token", "whoever pushes the directory may give orders"),
    ];
    for (name, so) in shared {
        if !operator.is_empty() && operator == settings.get(name) {
            let what = format!("it is the operator_token too: {so}");
            findings.note(name, &what, "use two");
        }
    }
}

fn session_key(settings: &Settings<'_>, findings: &mut Findings) {
    let (name, value) = ("session_key", settings.get("session_key"));
    let mend = "--variable session_key=@FILE, with the output of: openssl rand -base64 48";
    match Keys::new(value) {
        Ok(_) => findings.ok(name, "it is set"),
        Err(_) if value.trim().is_empty() => {
            findings.note(
                name,
                "it is not set: nobody can log in to the webmail",
                mend,
            );
        }
        Err(short) => findings.problem(name, &short.to_string(), mend),
    }
}

fn dkim_key(settings: &Settings<'_>, config: Option<&Config>, findings: &mut Findings) {
    let (name, value) = ("dkim_key", settings.get("dkim_key"));
    let signs = config.is_some_and(|config| config.dkim.is_some());
    let mend = "--variable dkim_key=@FILE, with the output of: openssl genpkey -algorithm RSA \
                -pkeyopt rsa_keygen_bits:2048";
    match (signs, value.trim().is_empty()) {
        (false, true) => {}
        (false, false) => findings.note(
            name,
            "it is set, and config has no [dkim]: nothing is signed",
            "name the selector in [dkim] (README.md, Configuration)",
        ),
        (true, true) => findings.problem(
            name,
            "it is not set, and config has [dkim]: what users write goes out unsigned",
            mend,
        ),
        (true, false) => match algorithm(value) {
            Some(SignatureAlgorithm::RSA | SignatureAlgorithm::ED25519) => {
                findings.ok(name, "it is set, and it is a key");
            }
            _ => findings.problem(name, "it is no RSA or Ed25519 private key in PEM", mend),
        },
    }
}

fn gateway_keys(settings: &Settings<'_>, config: Option<&Config>, findings: &mut Findings) {
    let (name, value) = ("gateway_keys", settings.get("gateway_keys"));
    let mend =
        "--variable gateway_keys=@FILE, with TOML as README.md shows it (From a mail gateway)";
    match GatewaySecrets::parse(value) {
        Ok(_) if value.trim().is_empty() => {}
        Ok(keys) => {
            let partners = config.map_or(&[][..], |config| &config.partners);
            let strangers = keys
                .partners()
                .filter(|name| !partners.iter().any(|one| one.name == *name));
            let strangers: Vec<&str> = strangers.collect();
            match strangers.is_empty() {
                true => findings.ok(name, "they can be used"),
                false => {
                    let what = format!("there is no partner {}", strangers.join(", "));
                    findings.problem(name, &what, "name each table like its [[partner]]");
                }
            }
        }
        Err(error) => findings.problem(name, &error.to_string(), mend),
    }
}

/// Of which kind a private key in PEM is; none where it is none.
fn algorithm(pem: &str) -> Option<SignatureAlgorithm> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = any_supported_type(&key).ok()?;
    Some(key.algorithm())
}

/// Shorter ones can be guessed: 16 characters of base64 are 96 bits.
const TOKEN_CHARS: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn found(document: &str, values: &[(&str, &str)]) -> String {
        let route = "[[route]]\nname = 'hq'\ndomains = ['example.org']\nprimary = 'smtp://192.0.2.1'\n\
                     tls = 'off'\n";
        let config = Config::parse(&format!("{route}{document}"), "").unwrap();
        let values: BTreeMap<&str, &str> = values.iter().copied().collect();
        let mut findings = Findings::default();
        check(&Settings::from(values), Some(&config), &mut findings);
        findings.lines()
    }

    #[test]
    fn every_secret_says_what_is_wrong_with_it_and_none_is_shown() {
        let long = "0123456789abcdef0123456789abcdef";
        let well = [
            ("operator_token", "aaaaaaaaaaaaaaaaaaaaaaaa"),
            ("tick_token", "bbbbbbbbbbbbbbbbbbbbbbbb"),
            ("scim_token", "cccccccccccccccccccccccc"),
            ("session_key", long),
        ];
        let lines = found("", &well);
        for (name, value) in well {
            assert!(lines.contains(name) && !lines.contains(value), "{lines}");
        }
        assert!(!lines.contains("dkim_key"), "{lines}");
        let wrong = found(
            "[dkim]\nselector = 'x'\ndomains = ['example.org']",
            &[
                ("operator_token", long),
                ("tick_token", "short"),
                ("scim_token", long),
                ("gateway_keys", "[acme]\nmailgun = 'hunter4'"),
                ("session_key", "hunter2"),
                (
                    "dkim_key",
                    "-----BEGIN PRIVATE KEY-----\nhunter3\n-----END PRIVATE KEY-----",
                ),
            ],
        );
        for said in [
            "it is short and may be guessed",
            "whoever pushes the directory may give orders",
            "has 7 bytes and needs 32 at least",
            "it is no RSA or Ed25519 private key in PEM",
            "there is no partner acme",
        ] {
            assert!(wrong.contains(said), "{said:?} is missing in {wrong}");
        }
        for secret in [long, "hunter"] {
            assert!(!wrong.contains(secret), "{wrong}");
        }
    }

    #[test]
    fn keys_of_both_kinds_are_known() {
        // RFC 8410, 10.3.
        let ed25519 = "-----BEGIN PRIVATE KEY-----\n\
             MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
             -----END PRIVATE KEY-----\n";
        assert_eq!(algorithm(ed25519), Some(SignatureAlgorithm::ED25519));
        assert_eq!(algorithm("no key"), None);
    }
}
