//! What became of one file, as it is told to people and to machines.

use serde_json::{Value, json};

use crate::cli::texts::printable;

/// What Holdfast answered, or why there is no answer.
pub struct Outcome {
    status: Option<u16>,
    /// The answer or the problem; without one, the reason in words.
    body: Value,
}

impl Outcome {
    /// An answer came.
    pub fn answered(status: u16, body: &[u8]) -> Self {
        let words = || Value::String(String::from_utf8_lossy(body).into_owned());
        Self {
            status: Some(status),
            body: serde_json::from_slice(body).unwrap_or_else(|_| words()),
        }
    }

    /// No answer came.
    pub fn unsent(reason: String) -> Self {
        Self {
            status: None,
            body: reason.into(),
        }
    }

    /// Whether every recipient's copy was delivered or is held.
    pub fn is_accepted(&self) -> bool {
        let taken = |one: &Value| matches!(word(one, "outcome"), "delivered" | "held");
        matches!(self.status, Some(200..=299)) && self.recipients().all(taken)
    }

    /// One object for the file.
    pub fn json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "accepted": self.is_accepted(),
            "status": self.status,
            "answer": self.body,
        })
    }

    /// A line for the file and one for each recipient.
    pub fn lines(&self, file: &str) -> String {
        let mut lines = format!("{}: {}", printable(file), self.summary());
        for one in self.recipients() {
            let mut line = format!("  {}: {}", word(one, "address"), word(one, "outcome"));
            if let Some(reply) = one.get("reply") {
                let code = reply.get("code").and_then(Value::as_u64).unwrap_or(0);
                let words = [word(reply, "enhanced"), word(reply, "text")];
                line.push_str(&format!(" ({code} {})", words.join(" ").trim()));
            }
            lines.push('\n');
            lines.push_str(&printable(&line));
        }
        lines
    }

    fn summary(&self) -> String {
        let body = &self.body;
        let summary = match self.status {
            None => format!("not sent: {}", body.as_str().unwrap_or_default()),
            Some(200..=299) => {
                let why = [word(body, "reason"), word(body, "detail")];
                let why: Vec<_> = why.into_iter().filter(|word| !word.is_empty()).collect();
                let outcome = format!("{} as {}", word(body, "outcome"), word(body, "id"));
                match why.is_empty() {
                    true => outcome,
                    false => format!("{outcome}: {}", why.join(": ")),
                }
            }
            Some(status) => {
                let words = body.as_str().unwrap_or_else(|| word(body, "detail"));
                format!("refused with {status} {}: {words}", word(body, "title"))
            }
        };
        printable(&summary)
    }

    fn recipients(&self) -> impl Iterator<Item = &Value> {
        let list = self.body.get("recipients").and_then(Value::as_array);
        list.into_iter().flatten()
    }
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_refused_for_one_of_its_recipients_is_not_all_accepted() {
        let answer = json!({"id": "7", "outcome": "delivered", "recipients": [
            {"address": "a@x", "outcome": "delivered", "reply": {"code": 250, "text": "ok"}},
            {"address": "b@x", "outcome": "rejected",
             "reply": {"code": 550, "enhanced": "5.1.1", "text": "no\u{1b}[2J such user"}},
        ]});
        let outcome = Outcome::answered(200, answer.to_string().as_bytes());
        assert!(!outcome.is_accepted());
        assert_eq!(
            outcome.lines("m.eml"),
            "m.eml: delivered as 7\n  a@x: delivered (250 ok)\n  b@x: rejected (550 5.1.1 no[2J such user)"
        );
    }

    #[test]
    fn what_is_held_is_accepted_and_says_why() {
        let answer = br#"{"id":"7","outcome":"held","reason":"down","detail":"refused","recipients":[{"address":"a@x","outcome":"held"}]}"#;
        let outcome = Outcome::answered(202, answer);
        assert!(outcome.is_accepted());
        assert_eq!(
            outcome.lines("m"),
            "m: held as 7: down: refused\n  a@x: held"
        );
    }

    #[test]
    fn a_problem_is_told_in_its_words_and_no_answer_too() {
        let problem = br#"{"title":"Unauthorized","detail":"no such key"}"#;
        let outcome = Outcome::answered(401, problem);
        assert_eq!(
            outcome.lines("m"),
            "m: refused with 401 Unauthorized: no such key"
        );
        assert_eq!(Outcome::unsent("x".into()).lines("m"), "m: not sent: x");
        let page = Outcome::answered(502, b"<html>");
        assert_eq!(page.lines("m"), "m: refused with 502 : <html>");
    }
}
