//! Every conversation of `smtp/dialogues`, in three ways: the server's lines one by one, octet by
//! octet, and each of its flights at once.

use std::path::Path;

use super::script::{Feed, play};

#[test]
fn the_dialogues_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("smtp/dialogues");
    let mut played = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(script.starts_with("# "), "{name} says what it shows");
        assert!(script.contains("\n!outcome "), "{name} says how it ends");
        for feed in [Feed::Lines, Feed::Octets, Feed::Flights] {
            play(&name, &script, feed);
        }
        played += 1;
    }
    assert!(played >= 50, "only {played} dialogues found in {folder:?}");
}
