//! What was observed, when, and how it is told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::DEADLINE;
use crate::cli::texts;

/// One thing that was to be seen.
pub struct Observation {
    /// Its name for machines.
    name: &'static str,
    /// When it was seen, from the start.
    at: Duration,
    /// How long it took to see it.
    took: Duration,
    facts: Value,
}

impl Observation {
    /// Whether it was seen in time.
    pub fn is_seen(&self) -> bool {
        self.took <= DEADLINE
    }

    /// For machines.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name,
            "seen": self.is_seen(),
            "at_ms": self.at.as_millis(),
            "took_ms": self.took.as_millis(),
            "facts": self.facts,
        })
    }
}

/// Collects observations and tells them as they come.
pub struct Told {
    began: Instant,
    step: Instant,
    aloud: bool,
    observations: Vec<Observation>,
}

impl Told {
    /// Nothing has been seen yet.
    pub fn new(began: Instant, aloud: bool) -> Self {
        Self {
            began,
            step: Instant::now(),
            aloud,
            observations: Vec::new(),
        }
    }

    /// A step begins.
    pub fn step(&mut self, title: &str) {
        self.step = Instant::now();
        if self.aloud {
            texts::say(&format!("\n{title}"));
        }
    }

    /// Something was seen; `words` say it to people, line by line.
    pub fn seen(&mut self, name: &'static str, words: &[String], facts: Value) {
        let (at, took) = (self.began.elapsed(), self.step.elapsed());
        if self.aloud {
            for (line, words) in words.iter().enumerate() {
                let time = match line {
                    0 => format!("{:5.1} s", at.as_secs_f64()),
                    _ => String::new(),
                };
                texts::say(&format!("{time:>8}  {}", texts::printable(words)));
            }
        }
        self.observations.push(Observation {
            name,
            at,
            took,
            facts,
        });
    }

    /// Everything that was seen.
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }
}
