//! A held object: whatever reads back is written as an object that reads back as the same.

use bytes::Bytes;
use holdfast_core::custody::held::{Copy, Digest, Held};

/// The first line is a key; the rest is the object.
pub fn check(input: &[u8]) {
    let (key, object) = crate::cut(input, b"\n");
    if let Ok(key) = std::str::from_utf8(key)
        && let Some(copy) = Copy::of(key)
    {
        let name = key.rsplit('/').next().unwrap();
        assert_eq!(format!("{copy}.eml"), name, "a copy has one name");
    }
    let object = Bytes::copy_from_slice(object);
    if let Ok((held, message)) = Held::read("key", &object) {
        assert!(object.ends_with(&message));
        it_reads_back(&held, &message);
    }
    if let Ok(mut held) = Held::read_head("key", &object) {
        // Our lines are right: what they would say of a message that is.
        let (_, message) = crate::cut(&object, b":\n");
        held.digest = Digest::of(message);
        it_reads_back(&held, &Bytes::copy_from_slice(message));
    }
}

fn it_reads_back(held: &Held, message: &Bytes) {
    let key = Held::key(&held.route, &Copy::first(held.id));
    assert_eq!(Copy::of(&key), Some(Copy::first(held.id)));
    let object = held.object(message).concat().into();
    let (mut read, bytes) = Held::read(&key, &object).unwrap();
    assert_eq!(Held::read_head(&key, &object).as_ref(), Ok(&read));
    assert_eq!(&bytes, message);
    // What we write there is never so long.
    if held.detail.len() > 900 {
        assert!(held.detail.starts_with(&read.detail));
        read.detail.clone_from(&held.detail);
    }
    assert_eq!(&read, held);
}
