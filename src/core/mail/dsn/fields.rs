//! What a report says: to people in words, to machines in the fields of RFC 3464.
//!
//! A recipient whose reply was lost is reported as `failed`: the RFC has no word for doubt,
//! `delayed` would promise that somebody still tries, and the words beside it say that the message
//! may have arrived.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Failed, Report, Why};
use crate::limits;
use crate::mail::EmailAddress;

/// The words for people.
pub fn words(report: &Report<'_>, whole: bool) -> String {
    let mut text = format!(
        "This is the mail system at {}.\r\n\r\nYour message did not reach:\r\n",
        report.hostname
    );
    for failed in &report.failed {
        push(&mut text, format_args!("\r\n  {}\r\n", failed.address));
        for line in reasons(failed) {
            for piece in wrapped(&line, 70) {
                push(&mut text, format_args!("    {piece}\r\n"));
            }
        }
    }
    push(
        &mut text,
        format_args!("\r\nIt was accepted on {}", report.original.at().rfc5322()),
    );
    match (report.attempts, report.last_attempt) {
        (1.., Some(at)) => push(
            &mut text,
            format_args!(
                " and tried\r\n{} from the queue, the last time on {}.\r\n",
                times(report.attempts),
                at.rfc5322()
            ),
        ),
        _ => text.push_str(".\r\n"),
    }
    text.push_str("It is not tried again. To reach these recipients, send it once more.\r\n\r\n");
    push(
        &mut text,
        format_args!(
            "A part for machines follows, then {}.\r\nIts name here is {}.\r\n",
            if whole {
                "your message"
            } else {
                "the header of your message"
            },
            report.original
        ),
    );
    text
}

/// The fields for machines: those of the message, then those of each recipient.
pub fn status(report: &Report<'_>) -> String {
    let mut fields = format!("Reporting-MTA: dns; {}\r\n", report.hostname);
    if let Some(envid) = report.envid {
        push(
            &mut fields,
            format_args!("Original-Envelope-Id: {envid}\r\n"),
        );
    }
    push(
        &mut fields,
        format_args!(
            "Arrival-Date: {}\r\nX-Holdfast-Id: {}\r\n",
            report.original.at().rfc5322(),
            report.original
        ),
    );
    for failed in &report.failed {
        fields.push_str("\r\n");
        push(
            &mut fields,
            format_args!(
                "Final-Recipient: {}\r\nAction: failed\r\nStatus: {}\r\n",
                typed(failed.address),
                code(&failed.why)
            ),
        );
        if let (Some(remote), Why::Rejected { .. }) = (report.remote, &failed.why) {
            push(&mut fields, format_args!("Remote-MTA: dns; {remote}\r\n"));
        }
        folded(&mut fields, &diagnostic(failed));
        if let Some(at) = report.last_attempt {
            push(
                &mut fields,
                format_args!("Last-Attempt-Date: {}\r\n", at.rfc5322()),
            );
        }
    }
    ascii(&fields)
}

fn reasons(failed: &Failed<'_>) -> Vec<String> {
    let (what, words) = match &failed.why {
        Why::Rejected {
            code,
            enhanced,
            text,
        } => {
            let enhanced = enhanced.map(|code| format!("{code} ")).unwrap_or_default();
            let words = format!("{code} {enhanced}{}", clean(text));
            (
                "The recipient's mail system refused it for good:".into(),
                words,
            )
        }
        Why::Expired { lifetime, trouble } => {
            let what = format!(
                "It could not be delivered within {}. The last trouble was:",
                span(*lifetime)
            );
            (what, clean(trouble))
        }
        Why::Returned { reason } => (
            "The operators of this mail system returned it:".into(),
            clean(reason),
        ),
    };
    let mut lines = vec![what, words];
    if failed.uncertain {
        lines.push(
            "It may have arrived all the same: it was handed over, and the answer was lost. Ask the recipient \
             before you send it again."
                .into(),
        );
    }
    lines
}

/// RFC 3463: the primary's own code, or the one that says as much as is known.
fn code<'w>(why: &Why<'w>) -> &'w str {
    match why {
        Why::Rejected {
            enhanced: Some(code),
            ..
        } if is_permanent(code) => code,
        Why::Rejected { .. } | Why::Returned { .. } => "5.0.0",
        Why::Expired { .. } => "4.4.7",
    }
}

fn is_permanent(code: &str) -> bool {
    let digits =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = code.split('.');
    let class = parts.next() == Some("5");
    class
        && parts.next().is_some_and(digits)
        && parts.next().is_some_and(digits)
        && parts.next().is_none()
}

fn diagnostic(failed: &Failed<'_>) -> String {
    let doubt = if failed.uncertain {
        " (may have arrived: a reply was lost)"
    } else {
        ""
    };
    let text = match &failed.why {
        Why::Rejected {
            code,
            enhanced,
            text,
        } => {
            let kind = if (500..600).contains(code) {
                "smtp"
            } else {
                "x-http"
            };
            let enhanced = enhanced.map(|code| format!("{code} ")).unwrap_or_default();
            format!("{kind}; {code} {enhanced}{}", clean(text))
        }
        Why::Expired { lifetime, trouble } => {
            format!(
                "x-holdfast; not delivered within {}: {}",
                span(*lifetime),
                clean(trouble)
            )
        }
        Why::Returned { reason } => format!("x-holdfast; returned: {}", clean(reason)),
    };
    ascii(&format!("Diagnostic-Code: {text}{doubt}"))
}

/// An address with its type. Beyond ASCII it is written as RFC 6533, 3, writes it in seven bits.
fn typed(address: &EmailAddress) -> String {
    if address.as_str().is_ascii() {
        return format!("rfc822; {address}");
    }
    let mut text = String::from("utf-8; ");
    for c in address.as_str().chars() {
        match c {
            '!'..='~' if !"\\+=".contains(c) => text.push(c),
            c => push(&mut text, format_args!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    text
}

/// Words from outside on one line, bounded.
fn clean(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        let c = if c.is_control() || c.is_whitespace() {
            ' '
        } else {
            c
        };
        if clean.len() + c.len_utf8() > limits::DSN_WORDS_BYTES {
            break;
        }
        if c != ' ' || !clean.is_empty() && !clean.ends_with(' ') {
            clean.push(c);
        }
    }
    clean.trim_end().to_owned()
}

fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii() { c } else { '?' })
        .collect()
}

/// A field, folded at its spaces (RFC 5322, 2.2.3).
fn folded(to: &mut String, field: &str) {
    let pieces = wrapped(field, 76);
    to.push_str(&pieces.join("\r\n "));
    to.push_str("\r\n");
}

/// Words in lines of at most so many bytes, but for longer words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn times(attempts: u32) -> String {
    match attempts {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// A length of time in words.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        s if s >= 2 * 86_400 && s.is_multiple_of(86_400) => (s / 86_400, "day"),
        s if s >= 3_600 && s.is_multiple_of(3_600) => (s / 3_600, "hour"),
        s if s >= 60 && s.is_multiple_of(60) => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    to.write_fmt(text).ok();
}
