//! Objects as plain files under a folder, with the keys of all of them in memory, in order: a listing
//! reads no folder, however many objects there are.
//!
//! A write is a file of its own that takes the object's name when it is whole; with `durable`, file and name
//! are on the disk before it is confirmed. Writers of one key wait for each other, so conditions
//! hold. At a cold start the keys are read from the folder; an entity tag is the MD5 of the bytes, as S3's
//! is, and is taken when it is first asked for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::{Bound, Range};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use s3s::crypto::{Checksum as _, Md5};

/// The MD5 of an object's bytes.
pub type Digest = [u8; 16];

/// When a write may happen.
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Only if nothing is there.
    Absent,
    /// Only if an object is there.
    Present,
    /// Only if an object with these bytes is there.
    Unchanged(Digest),
}

/// What there is to know of an object without its bytes.
pub struct Facts {
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
    /// The MD5 of its bytes.
    pub digest: Digest,
}

/// An object in a listing.
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// The objects of all buckets.
pub struct Files {
    folder: PathBuf,
    durable: bool,
    /// Every object as `bucket/key`; with the digest of a file, where that is known.
    index: Mutex<Index>,
    /// A name falls to one of these; two names may share one and only lose a moment.
    writers: [Mutex<()>; 64],
    hasher: RandomState,
    written: AtomicU64,
}

type Index = BTreeMap<String, Option<Known>>;

/// The digest of this very file, and not of one that had the name before.
#[derive(Clone, Copy)]
struct Known {
    inode: u64,
    size: u64,
    modified: SystemTime,
    digest: Digest,
}

impl Files {
    /// The objects under `folder`, which is there.
    pub fn open(folder: PathBuf, durable: bool) -> io::Result<Self> {
        let mut index = BTreeMap::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if entry.file_type()?.is_dir() {
                find(&entry.path(), &name, &mut index)?;
            } else if name.starts_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            folder,
            durable,
            index: Mutex::new(index),
            writers: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
            written: AtomicU64::new(0),
        })
    }

    /// Whether there is such a bucket.
    pub fn has_bucket(&self, bucket: &str) -> bool {
        is_plain(bucket) && self.folder.join(bucket).is_dir()
    }

    /// What there is to know of an object.
    pub fn facts(&self, name: &str) -> io::Result<Option<Facts>> {
        let Some(mut file) = self.open_object(name)? else {
            return Ok(None);
        };
        self.facts_of(name, &mut file).map(Some)
    }

    /// The part of an object's bytes that `part` says for its size, and what there is to know of it.
    pub fn read<E: From<io::Error>>(
        &self,
        name: &str,
        part: impl FnOnce(u64) -> Result<Range<u64>, E>,
    ) -> Result<Option<(Facts, Range<u64>, Bytes)>, E> {
        let Some(mut file) = self.open_object(name)? else {
            return Ok(None);
        };
        let facts = self.facts_of(name, &mut file)?;
        let part = part(facts.size)?;
        file.seek(SeekFrom::Start(part.start))?;
        let mut bytes = Vec::with_capacity((part.end - part.start) as usize);
        file.take(part.end - part.start).read_to_end(&mut bytes)?;
        Ok(Some((facts, part, bytes.into())))
    }

    /// Writes an object whole; none if the condition does not hold.
    pub fn write(
        &self,
        name: &str,
        body: &[Bytes],
        condition: &Condition,
    ) -> io::Result<Option<Digest>> {
        let path = self.path(name)?;
        let unfinished = self.unfinished();
        let known = self.write_unfinished(&unfinished, body);
        let written = known.and_then(|known| {
            let _writing = self.writing(name);
            if !self.holds(name, condition)? {
                return Ok(None);
            }
            let folder = path.parent().unwrap_or(&self.folder);
            self.make(folder)?;
            fs::rename(&unfinished, &path)?;
            self.index().insert(name.to_owned(), Some(known));
            self.sync(folder)?;
            Ok(Some(known.digest))
        });
        if !matches!(written, Ok(Some(_))) {
            fs::remove_file(&unfinished).ok();
        }
        written
    }

    /// Removes an object, if it is there.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        let _writing = self.writing(name);
        found(fs::remove_file(path))?;
        self.index().remove(name);
        Ok(())
    }

    /// The objects of `bucket` whose keys begin with `prefix` and sort behind `after`, at most `most`;
    /// and whether there are more.
    pub fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        most: usize,
    ) -> io::Result<(Vec<Listed>, bool)> {
        let (prefix, mut after) = (format!("{bucket}/{prefix}"), format!("{bucket}/{after}"));
        let mut listed = Vec::new();
        loop {
            let page = self.names(&prefix, &after, most - listed.len());
            let Some(last) = page.last() else {
                break;
            };
            after.clone_from(last);
            for name in page {
                match found(fs::metadata(self.path(&name)?))? {
                    Some(facts) => {
                        let key = name[bucket.len() + 1..].to_owned();
                        listed.push(Listed {
                            key,
                            size: facts.len(),
                            modified: facts.modified()?,
                        });
                    }
                    None => self.forget(&name)?,
                }
            }
        }
        let more = !self.names(&prefix, &after, 1).is_empty();
        Ok((listed, more))
    }

    /// Somebody removed the file behind our back, unless it is just being written anew.
    fn forget(&self, name: &str) -> io::Result<()> {
        let _writing = self.writing(name);
        if self.open_object(name)?.is_none() {
            self.index().remove(name);
        }
        Ok(())
    }

    fn names(&self, prefix: &str, after: &str, most: usize) -> Vec<String> {
        let from = match after < prefix {
            true => Bound::Included(prefix),
            false => Bound::Excluded(after),
        };
        let index = self.index();
        let names = index.range::<str, _>((from, Bound::Unbounded));
        let names = names.map(|(name, _)| name);
        let names = names.take_while(|name| name.starts_with(prefix));
        names.take(most).cloned().collect()
    }

    /// The object's file; a folder is no object.
    fn open_object(&self, name: &str) -> io::Result<Option<File>> {
        let path = self.path(name)?;
        match path.is_dir() {
            true => Ok(None),
            false => found(File::open(path)),
        }
    }

    fn facts_of(&self, name: &str, file: &mut File) -> io::Result<Facts> {
        let about = file.metadata()?;
        let (size, modified, inode) = (about.len(), about.modified()?, about.ino());
        let known =
            self.index().get(name).copied().flatten().filter(|known| {
                (known.inode, known.size, known.modified) == (inode, size, modified)
            });
        let digest = match known {
            Some(known) => known.digest,
            None => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Md5::checksum(&bytes)
            }
        };
        if known.is_none()
            && let Some(unknown @ None) = self.index().get_mut(name)
        {
            *unknown = Some(Known {
                inode,
                size,
                modified,
                digest,
            });
        }
        Ok(Facts {
            size,
            modified,
            digest,
        })
    }

    fn holds(&self, name: &str, condition: &Condition) -> io::Result<bool> {
        Ok(match condition {
            Condition::Always => true,
            Condition::Absent => self.facts(name)?.is_none(),
            Condition::Present => self.facts(name)?.is_some(),
            Condition::Unchanged(digest) => self
                .facts(name)?
                .is_some_and(|facts| facts.digest == *digest),
        })
    }

    fn write_unfinished(&self, path: &Path, body: &[Bytes]) -> io::Result<Known> {
        let mut file = File::create(path)?;
        let mut digest = Md5::new();
        for piece in body {
            digest.update(piece);
            file.write_all(piece)?;
        }
        if self.durable {
            file.sync_all()?;
        }
        let about = file.metadata()?;
        Ok(Known {
            inode: about.ino(),
            size: about.len(),
            modified: about.modified()?,
            digest: digest.finalize(),
        })
    }

    /// Makes `folder` and those above it, if they are not there.
    fn make(&self, folder: &Path) -> io::Result<()> {
        let made = folder.ancestors().take_while(|folder| !folder.is_dir());
        let made: Vec<_> = made.collect();
        fs::create_dir_all(folder)?;
        made.iter()
            .filter_map(|folder| folder.parent())
            .try_for_each(|above| self.sync(above))
    }

    /// Waits until the names in `folder` are on the disk.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        match self.durable {
            true => File::open(folder)?.sync_all(),
            false => Ok(()),
        }
    }

    fn unfinished(&self) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{UNFINISHED}{number}"))
    }

    /// The file of `name`; an error where a file system could read more into the name than S3 does.
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        if !name.split('/').all(is_plain) {
            return Err(ErrorKind::InvalidFilename.into());
        }
        Ok(self.folder.join(name))
    }

    fn writing(&self, name: &str) -> MutexGuard<'_, ()> {
        let writer = self.hasher.hash_one(name) as usize % self.writers.len();
        let writer = self.writers[writer].lock();
        writer.unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(folder: &Path, name: &str, index: &mut Index) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(part) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{name}/{part}");
        match entry.file_type()?.is_dir() {
            true => find(&entry.path(), &name, index)?,
            false => drop(index.insert(name, None)),
        }
    }
    Ok(())
}

/// Whether a part of a name means nothing else to a file system.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && part != "." && part != ".." && !part.contains('\0')
}

/// What is not there is no error.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What begins the name of a file that is not yet an object.
const UNFINISHED: &str = ".unfinished-";
