//! Text with `{{ variable }}` in it.

use anyhow::{Context, Result};

/// A text whose variables are not filled in yet.
#[derive(Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Splits `text` at its `{{ ... }}`. An opening without its end is an error.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, after) = after
                .split_once("}}")
                .context("the template opens '{{' and does not close it")?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether there is no variable in it.
    pub fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The text with each variable replaced by what `value` gives for its name.
    pub fn fill<'v, E>(
        &self,
        mut value: impl FnMut(&str) -> std::result::Result<&'v str, E>,
    ) -> std::result::Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                Part::Text(literal) => literal,
                Part::Variable(name) => value(name)?,
            });
        }
        Ok(text)
    }
}
