//! Where a message is read from: a file, or the standard input.

use std::convert::Infallible;
use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// One message's place.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    StandardInput,
}

impl Source {
    /// Whether it can be read, as far as that can be known beforehand.
    pub fn check(&self) -> Result<()> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let file = std::fs::File::open(path).and_then(|file| file.metadata());
        let metadata = file.with_context(|| format!("{self} cannot be read"))?;
        if metadata.is_dir() {
            bail!("{self} is a folder; name the files in it");
        }
        Ok(())
    }

    /// The message's bytes, as they are.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::File(path) => std::fs::read(path),
            Self::StandardInput => std::io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        }
        .with_context(|| format!("{self} cannot be read"))
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "-" => Self::StandardInput,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
        }
    }
}
