//! `holdfast send`: submits message files and says what became of each.

mod outcome;
mod source;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use holdfast_core::ports::{HttpClient, HttpRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::{progress, texts};
use crate::native::Native;
use outcome::Outcome;
use source::Source;

/// What `holdfast send` can be told.
#[derive(Args)]
pub struct Arguments {
    /// Message files (RFC 5322), sent as they are; - reads the standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Source>,
    /// The envelope sender; empty ("") for a bounce.
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// An envelope recipient; may be given several times.
    #[arg(long, required = true, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Where Holdfast serves.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: Url,
    /// The partner's key. For a Holdfast on this machine it is demo-key where none is given.
    #[arg(long, env = "HOLDFAST_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Send an Idempotency-Key made of message and envelope: running the same command again sends
    /// nothing twice.
    #[arg(long)]
    idempotency: bool,
    /// Print one JSON object a line for each file.
    #[arg(long)]
    json: bool,
}

/// Sends every file. Success is that every recipient's copy was delivered or is held.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Some(key) = key(&arguments) else {
        texts::usage(
            "--key (or HOLDFAST_KEY) is needed: only a Holdfast on this machine has a key that everybody knows",
        );
        return Ok(ExitCode::from(USAGE));
    };
    // Before anything is sent: a misspelt name must not leave half of the files sent.
    if let Some(error) = arguments.files.iter().find_map(|file| file.check().err()) {
        texts::usage(&format!("{error:#}; nothing was sent"));
        return Ok(ExitCode::from(USAGE));
    }
    let native = Native::new()?;
    let target = target(&arguments);
    let shown = !arguments.json && arguments.files.len() > FEW;
    let bar = progress::bar(shown, arguments.files.len() as u64, "sending");
    let mut all_accepted = true;
    for file in &arguments.files {
        let outcome = match file.read() {
            Ok(message) => submit(&native, &target, &key, &arguments, message).await,
            Err(error) => Outcome::unsent(format!("{error:#}")),
        };
        all_accepted &= outcome.is_accepted();
        let text = match arguments.json {
            true => outcome.json(&file.to_string()).to_string(),
            false => outcome.lines(&file.to_string()),
        };
        bar.suspend(|| texts::say(&text));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(match all_accepted {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn submit(
    native: &Native,
    target: &str,
    key: &str,
    arguments: &Arguments,
    message: Vec<u8>,
) -> Outcome {
    let mut headers = vec![
        ("authorization", format!("Bearer {key}")),
        ("content-type", "message/rfc822".to_owned()),
    ];
    if arguments.idempotency {
        headers.push(("idempotency-key", fingerprint(target, &message)));
    }
    let request = HttpRequest {
        method: "POST",
        url: target.to_owned(),
        headers,
        body: vec![message.into()],
        connect: CONNECT,
        reply: ANSWER,
        most: ANSWER_BYTES,
    };
    match native.send(request).await {
        Ok(response) => Outcome::answered(response.status, &response.body),
        Err(failure) => {
            let place = &arguments.url;
            Outcome::unsent(format!("{place} gave no answer: {}", failure.detail))
        }
    }
}

/// The key that was given, or the demonstration's where it can do no harm.
fn key(arguments: &Arguments) -> Option<String> {
    let given = arguments.key.clone().filter(|key| !key.is_empty());
    given.or_else(|| is_loopback(&arguments.url).then(|| DEMO_KEY.to_owned()))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The URL of a submission with its envelope.
fn target(arguments: &Arguments) -> String {
    let base = arguments.url.as_str().trim_end_matches('/');
    let mut target = format!("{base}/v1/messages?from={}", encoded(&arguments.from));
    for recipient in &arguments.to {
        target.push_str(&format!("&to={}", encoded(recipient)));
    }
    target
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, KEPT)
}

/// The same message with the same envelope has the same key.
fn fingerprint(target: &str, message: &[u8]) -> String {
    let envelope = target.split_once('?').map_or("", |(_, query)| query);
    let digest = Sha256::new_with_prefix(envelope)
        .chain_update([0])
        .chain_update(message)
        .finalize();
    format!("\"send-{:x}\"", bytes::Bytes::copy_from_slice(&digest))
}

/// RFC 3986, 2.3.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');
const DEMO_KEY: &str = "demo-key";
/// Up to so many files need no progress bar.
const FEW: usize = 10;
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than Holdfast lets a sender wait, and a large message is on its way first.
const ANSWER: Duration = Duration::from_secs(180);
const ANSWER_BYTES: usize = 4 << 20;
const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parsed(more: &[&str]) -> Arguments {
        let line = ["send", "-", "--from", "", "--to", "a+b@example.org"];
        Line::try_parse_from(line.iter().chain(more))
            .context("the line is right")
            .unwrap()
            .arguments
    }

    #[test]
    fn the_envelope_is_encoded_and_may_have_no_sender() {
        let arguments = parsed(&["--to", "ü@example.org", "--url", "http://[::1]:9/"]);
        let expected =
            "http://[::1]:9/v1/messages?from=&to=a%2Bb@example.org&to=%C3%BC@example.org";
        assert_eq!(target(&arguments), expected);
    }

    #[test]
    fn the_known_key_is_for_this_machine_only() {
        for own in ["http://127.0.0.1:1", "http://localhost", "http://[::1]"] {
            assert_eq!(key(&parsed(&["--url", own])).as_deref(), Some(DEMO_KEY));
        }
        for other in ["http://192.0.2.1", "https://localhost.example.org"] {
            assert_eq!(key(&parsed(&["--url", other])), None);
            let given = parsed(&["--url", other, "--key", "k"]);
            assert_eq!(key(&given).as_deref(), Some("k"));
        }
    }

    #[test]
    fn only_the_same_message_for_the_same_people_has_the_same_key() {
        let (one, two) = ("http://a/v1/messages?to=x", "http://a/v1/messages?to=y");
        assert_eq!(fingerprint(one, b"m"), fingerprint(one, b"m"));
        assert_ne!(fingerprint(one, b"m"), fingerprint(two, b"m"));
        assert_ne!(fingerprint(one, b"m"), fingerprint(one, b"n"));
    }
}
