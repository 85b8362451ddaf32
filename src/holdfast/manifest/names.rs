//! The two kinds of names a manifest may use, by Spin's rules.

use anyhow::{Result, bail};

/// A variable's name: lower snake case, so that it maps to environment variables and file names.
pub fn check_variable(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reason = if name.is_empty() {
        "it must not be empty"
    } else if !name.chars().all(allowed) {
        "only lower-case letters, digits and underscores are allowed"
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it must start with a letter"
    } else if name.ends_with('_') {
        "it must end with a letter or a digit"
    } else if name.contains("__") {
        "underscores must stand alone"
    } else {
        return Ok(());
    };
    bail!("the variable name {name:?} is not valid: {reason}")
}

/// A component's id: kebab case, each word starting with a letter.
pub fn check_component(id: &str) -> Result<()> {
    let word = |word: &str| {
        let one_case = !(word.contains(|c: char| c.is_ascii_lowercase())
            && word.contains(|c: char| c.is_ascii_uppercase()));
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric())
            && one_case
    };
    if !id.split('-').all(word) {
        bail!(
            "the component id {id:?} is not valid: use words of letters and digits, \
             each starting with a letter, joined by '-'"
        );
    }
    Ok(())
}
