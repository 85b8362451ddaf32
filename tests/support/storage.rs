//! The bucket of one test, behind its proxy, and what lies in it.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast::embedded_s3::{EmbeddedS3, S3Options};
use tempfile::TempDir;

use super::careless_s3::CarelessS3;
use super::fault_proxy::FaultProxy;

/// The storage's access key.
pub const ACCESS_KEY: &str = "storage-access-1f7c";
/// The storage's secret key.
pub const SECRET_KEY: &str = "storage-secret-93ab27e0";

/// Which storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded S3, with conditional writes.
    Embedded,
    /// One that ignores conditions.
    Careless,
}

enum Inside {
    Embedded { _s3: EmbeddedS3, folder: TempDir },
    Careless(CarelessS3),
}

/// The storage.
pub struct Storage {
    /// What stands in front of it.
    pub proxy: FaultProxy,
    inside: Inside,
}

impl Storage {
    /// An empty bucket.
    pub async fn start(kind: Kind) -> Self {
        let (address, inside) = match kind {
            Kind::Embedded => {
                let folder = tempfile::tempdir().unwrap();
                let mut options = S3Options::new(folder.path(), ACCESS_KEY, SECRET_KEY);
                // No test cuts the power.
                options.durable = false;
                let s3 = EmbeddedS3::start(options).await.unwrap();
                (s3.address(), Inside::Embedded { _s3: s3, folder })
            }
            Kind::Careless => {
                let s3 = CarelessS3::start().await;
                (s3.address(), Inside::Careless(s3))
            }
        };
        let proxy = FaultProxy::start(address).await;
        Self { proxy, inside }
    }

    /// Every object by its key.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        match &self.inside {
            Inside::Embedded { folder, .. } => {
                let mut objects = BTreeMap::new();
                let bucket = folder.path().join("holdfast");
                walk(&bucket, &bucket, &mut objects);
                objects
            }
            Inside::Careless(s3) => s3.objects(),
        }
    }

    /// Writes an object from behind, as nobody but a test does.
    pub fn overwrite(&self, key: &str, bytes: &[u8]) {
        match &self.inside {
            Inside::Embedded { folder, .. } => {
                std::fs::write(folder.path().join("holdfast").join(key), bytes).unwrap();
            }
            Inside::Careless(s3) => s3.overwrite(key, bytes),
        }
    }

    /// Removes an object from behind.
    pub fn remove(&self, key: &str) {
        match &self.inside {
            Inside::Embedded { folder, .. } => {
                std::fs::remove_file(folder.path().join("holdfast").join(key)).unwrap();
            }
            Inside::Careless(_) => panic!("not needed there"),
        }
    }
}

fn walk(bucket: &Path, folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(bucket, &path, objects);
            continue;
        }
        let key = path.strip_prefix(bucket).unwrap().to_str().unwrap();
        // It may be deleted while we look.
        if let Ok(bytes) = std::fs::read(&path) {
            objects.insert(key.to_owned(), bytes);
        }
    }
}
