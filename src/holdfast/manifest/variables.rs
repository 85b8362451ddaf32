//! The application's variables and where their values come from.
//!
//! Order: what was given by hand, then the environment, else the default. Values may be secrets:
//! they appear in no error and in no `Debug`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::document::Variable;
use super::template::Template;

/// Every declared variable with its value.
pub struct Variables {
    values: BTreeMap<String, String>,
    defaults: BTreeMap<String, String>,
}

impl Variables {
    /// Gives every declared variable its value. A name in `given` that is not declared is a typing
    /// error and refused; so is a required variable without a value.
    pub fn resolve(
        declared: &BTreeMap<String, Variable>,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
            let known: Vec<_> = declared.keys().map(String::as_str).collect();
            bail!(
                "the variable {unknown:?} is not declared in the manifest; it declares: {}",
                known.join(", ")
            );
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in declared {
            let value = given
                .get(name)
                .cloned()
                .or_else(|| environment(&environment_name(name)))
                .or_else(|| variable.default.clone());
            match value {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => missing.push(format!("--variable {name}=VALUE")),
            }
        }
        if !missing.is_empty() {
            bail!(
                "required variables have no value; add {} (or set SPIN_VARIABLE_NAME)",
                missing.join(" ")
            );
        }
        let defaults = declared
            .iter()
            .filter_map(|(name, variable)| Some((name.clone(), variable.default.clone()?)))
            .collect();
        Ok(Self { values, defaults })
    }

    /// Fills the variables into `text`.
    pub fn fill(&self, text: &str) -> Result<String> {
        self.fill_template(&Template::parse(text)?)
    }

    /// Fills the variables into `template`.
    pub fn fill_template(&self, template: &Template) -> Result<String> {
        template.fill(|name| {
            let value = self.values.get(name).map(String::as_str);
            value.with_context(|| format!("the template names {name:?}, which is not declared"))
        })
    }

    /// Fills the defaults into `template`, if each of its variables has one.
    pub fn fill_with_defaults(&self, template: &Template) -> Option<String> {
        template
            .fill(|name| self.defaults.get(name).map(String::as_str).ok_or(()))
            .ok()
    }
}

fn environment_name(name: &str) -> String {
    format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())
}
