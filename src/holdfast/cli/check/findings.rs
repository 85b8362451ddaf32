//! What was found, and how it is told.

use serde_json::{Value, json};

use crate::cli::texts::printable;

/// Everything that was found, in the order in which it was looked for.
#[derive(Default)]
pub struct Findings(Vec<Finding>);

struct Finding {
    level: Level,
    /// What it is about, such as `storage` or `route hq, smtp://192.0.2.10:25`.
    about: String,
    what: String,
    /// What to do; empty where nothing is to be done.
    mend: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Ok,
    /// Worth knowing; no reason to fail.
    Note,
    Problem,
}

impl Findings {
    /// Something is as it should be.
    pub fn ok(&mut self, about: &str, what: &str) {
        self.add(Level::Ok, about, what, "");
    }

    /// Something is worth knowing.
    pub fn note(&mut self, about: &str, what: &str, mend: &str) {
        self.add(Level::Note, about, what, mend);
    }

    /// Something is wrong, and so it is mended.
    pub fn problem(&mut self, about: &str, what: &str, mend: &str) {
        self.add(Level::Problem, about, what, mend);
    }

    /// How many things are wrong.
    pub fn problems(&self) -> usize {
        self.count(Level::Problem)
    }

    /// A line for each finding, and the sum.
    pub fn lines(&self) -> String {
        let mut lines: Vec<String> = self.0.iter().map(Finding::line).collect();
        lines.push(match (self.problems(), self.count(Level::Note)) {
            (0, 0) => "Nothing is wrong.".to_owned(),
            (0, notes) => format!("Nothing is wrong; notes: {notes}."),
            (problems, _) => format!("Problems: {problems}."),
        });
        lines.join("\n")
    }

    /// The same for machines.
    pub fn json(&self) -> Value {
        let findings: Vec<Value> = self.0.iter().map(Finding::json).collect();
        json!({ "problems": self.problems(), "findings": findings })
    }

    fn add(&mut self, level: Level, about: &str, what: &str, mend: &str) {
        let [about, what, mend] = [about, what, mend].map(str::to_owned);
        self.0.push(Finding {
            level,
            about,
            what,
            mend,
        });
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|one| one.level == level).count()
    }
}

impl Finding {
    fn line(&self) -> String {
        let words = format!("{:7}  {}: {}", self.level.word(), self.about, self.what);
        let words = words.replace('\n', " ");
        printable(&match self.mend.as_str() {
            "" => words,
            mend => format!("{words} -> {mend}"),
        })
    }

    fn json(&self) -> Value {
        json!({
            "level": self.level.word(),
            "about": self.about,
            "what": self.what,
            "mend": self.mend,
        })
    }
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_one_line_and_problems_are_counted() {
        let mut findings = Findings::default();
        findings.ok("a", "well");
        findings.note("b", "so\nso", "");
        assert_eq!(findings.problems(), 0);
        findings.problem("c", "bad", "do this");
        let expected =
            "ok       a: well\nnote     b: so so\nproblem  c: bad -> do this\nProblems: 1.";
        assert_eq!(findings.lines(), expected);
        assert_eq!(findings.json()["findings"][2]["mend"], "do this");
    }
}
