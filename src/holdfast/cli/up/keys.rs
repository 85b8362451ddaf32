//! Secrets of a local installation: made at the first start, kept in files only their owner reads.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use rustls::crypto::SecureRandom;

/// The folder of the secrets, one file each.
pub struct Keys(PathBuf);

impl Keys {
    /// Uses `folder`; it is created if it is not there.
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    /// The secret called `name`, as it was kept or newly made: 32 hexadecimal digits.
    pub fn get(&self, name: &str) -> Result<String> {
        let file = self.0.join(name);
        match fs::read_to_string(&file) {
            Ok(secret) => Ok(secret.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&file),
            Err(error) => Err(error),
        }
        .with_context(|| format!("the key {} cannot be read or made", file.display()))
    }
}

fn make(file: &Path) -> std::io::Result<String> {
    let secret = random().map_err(std::io::Error::other)?;
    // Readable by its owner from the first moment on.
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?
        .write_all(secret.as_bytes())?;
    Ok(secret)
}

fn random() -> Result<String> {
    let mut bytes = [0; 16];
    let source: &dyn SecureRandom = rustls::crypto::ring::default_provider().secure_random;
    source
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no random numbers"))?;
    Ok(format!("{:x}", Bytes::copy_from_slice(&bytes)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path().join("deep/keys")).unwrap();
        let secret = keys.get("token").unwrap();
        assert_eq!(secret.len(), 32);
        assert_eq!(keys.get("token").unwrap(), secret);
        assert_ne!(keys.get("other").unwrap(), secret);
        let mode = fs::metadata(folder.path().join("deep/keys/token"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
