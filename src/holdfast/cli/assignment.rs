//! `--variable NAME=VALUE`, or `NAME=@FILE` for a value that is a file's text.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// Reads all of them; the files as well. Values may be secrets and appear in no error.
pub fn read(assignments: &[String]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for assignment in assignments {
        let (name, value) = assignment
            .split_once('=')
            .context("--variable wants NAME=VALUE or NAME=@FILE")?;
        let value = match value.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("--variable {name}=@{file}: the file cannot be read"))?,
            None => value.to_owned(),
        };
        if variables.insert(name.to_owned(), value).is_some() {
            bail!("--variable {name} is given twice");
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(assignments: &[&str]) -> Result<BTreeMap<String, String>> {
        let own: Vec<_> = assignments.iter().map(|text| text.to_string()).collect();
        super::read(&own)
    }

    #[test]
    fn values_come_from_the_line_or_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "x = 1\n").unwrap();
        let config = format!("config=@{}", file.display());
        let variables = read(&["url=http://a?b=c", &config, "empty="]).unwrap();
        assert_eq!(variables["url"], "http://a?b=c");
        assert_eq!(variables["config"], "x = 1\n");
        assert_eq!(variables["empty"], "");
    }

    #[test]
    fn mistakes_are_named_without_the_value() {
        for bad in [
            &["hunter2"][..],
            &["a=@/nowhere/hunter"],
            &["a=hunter2", "a=hunter2"],
        ] {
            let error = format!("{:#}", read(bad).unwrap_err());
            assert!(error.contains("--variable"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
