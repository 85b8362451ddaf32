//! Everything the program says to its user, in one place.
#![allow(
    clippy::print_stdout,
    reason = "this is the module that prints for the user"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use crate::demo_primary::Received;

pub fn failed(error: &anyhow::Error) {
    eprintln!("holdfast: {error:#}");
}

/// A mistake in the command line.
pub fn usage(mistake: &str) {
    eprintln!("holdfast: {mistake}");
}

/// What a command found.
pub fn say(text: &str) {
    // Whoever closed the pipe wants no more of it.
    writeln!(std::io::stdout(), "{text}").ok();
}

/// What is said while a command goes on, and is no part of its result.
pub fn remark(text: &str) {
    eprintln!("{text}");
}

pub fn building() {
    println!("Building the components (the first time takes a few minutes)");
}

pub fn serving(url: &str, routes: &[(String, String)]) {
    println!("\nServing {url}");
    let width = routes
        .iter()
        .map(|(route, _)| route.len())
        .max()
        .unwrap_or(0);
    for (route, component) in routes {
        println!("  {route:width$}  {component}");
    }
}

pub fn demo(url: &str, primary: SocketAddr, folder: &Path) {
    let folder = folder.display();
    let pid = std::process::id();
    println!(
        r#"
A mail system for trying out takes mail for example.org on {primary}.
Storage and keys are in {folder}.

Hand in a message:
  printf 'From: you@example.net\r\nTo: anna@example.org\r\nSubject: Hello\r\n\r\nHello Anna\r\n' |
    curl -sS '{url}/v1/messages?from=you@example.net&to=anna@example.org' \
      -H 'Authorization: Bearer demo-key' -H 'Content-Type: message/rfc822' --data-binary @-

Stop the mail system, and start it again:
  p + Enter, here; or: kill -USR1 {pid}

See what Holdfast thinks of it:
  curl -sS {url}/v1/health -H "Authorization: Bearer $(cat {folder}/keys/operator_token)"
"#
    );
}

/// The webmail, and who has not been there yet.
pub fn people(url: &str, links: &[(&str, String)]) {
    println!("Read mail in a browser, as anna@, ben@ or chiara@example.org:\n  {url}/mail/");
    if !links.is_empty() {
        println!("\nFirst visits, each link opens once (have an authenticator app at hand):");
    }
    for (address, link) in links {
        println!("  {address:18}  {link}");
    }
}

pub fn ends() {
    println!("\nCtrl-C ends everything.\n");
}

pub fn received(message: &Received) {
    let from = if message.from.is_empty() {
        "<>"
    } else {
        &message.from
    };
    println!(
        "The mail system got: {from} -> {}, \"{}\", {} bytes",
        message.to.join(", "),
        subject(&message.bytes),
        message.bytes.len()
    );
}

pub fn primary_stopped() {
    println!("The mail system is stopped. Mail handed in now is held.");
}

pub fn primary_started() {
    println!("The mail system is running again. What was held is released.");
}

pub fn primary_not_started(error: &anyhow::Error) {
    println!("The mail system does not start again: {error:#}");
}

pub fn ticking() {
    println!("Time passes: POST /v1/tick is called every few seconds, as cron would.");
}

pub fn tick_failed(reason: &str) {
    eprintln!("POST /v1/tick failed: {reason}");
}

pub fn stopping() {
    println!("Stopping.");
}

/// Words from outside without what could move the cursor or worse.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The first line of the Subject field, safe to print.
fn subject(message: &[u8]) -> String {
    let header = message
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty());
    let named = |line: &&[u8]| line.len() >= 8 && line[..8].eq_ignore_ascii_case(b"subject:");
    let line = header.into_iter().find(named).unwrap_or(b"subject:");
    let text = String::from_utf8_lossy(line[8..].trim_ascii());
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn the_subject_is_found_in_the_header_only_and_is_safe_to_print() {
        assert_eq!(
            subject(b"From: a\r\nSUBJECT: Hi \x1b[2J\x07there\r\n\r\nx"),
            "Hi [2Jthere"
        );
        assert_eq!(subject(b"From: a\r\n\r\nSubject: body\r\n"), "");
        assert_eq!(subject(b"subject:"), "");
        assert_eq!(subject(b""), "");
    }
}
