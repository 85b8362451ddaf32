//! Messages to try: those of Python's `email` package and of the `mail-parser` crate, found where
//! they are installed and never committed, and odd ones of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::workspace;

/// One message.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where it is from.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All of them: as they are, and with LF and with CRLF line ends.
pub fn all() -> Vec<Sample> {
    let mut samples = own();
    for file in python().into_iter().chain(rfc()) {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        samples.extend(forms(&name, bytes));
    }
    samples
}

/// As it is, with LF, with CRLF; each form once.
fn forms(name: &str, bytes: Vec<u8>) -> Vec<Sample> {
    let (lf, crlf) = (with_line_end(&bytes, b"\n"), with_line_end(&bytes, b"\r\n"));
    let mut forms = vec![(name.to_owned(), bytes)];
    for (end, form) in [("LF", lf), ("CRLF", crlf)] {
        if forms.iter().all(|(_, known)| *known != form) {
            forms.push((format!("{name} with {end}"), form));
        }
    }
    let sample = |(name, bytes)| Sample { name, bytes };
    forms.into_iter().map(sample).collect()
}

fn with_line_end(bytes: &[u8], end: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len() + bytes.len() / 20);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            b'\n' => made.extend_from_slice(end),
            byte => made.push(*byte),
        }
    }
    made
}

/// The test messages (and files that are none) of Python's `email` package.
fn python() -> Vec<PathBuf> {
    let script = "import os, sysconfig, importlib.util as u\n\
        found = u.find_spec('test.test_email')\n\
        folders = list(found.submodule_search_locations) if found else []\n\
        folders.append(os.path.join(sysconfig.get_paths()['stdlib'], 'test', 'test_email'))\n\
        print(next((f for f in folders if os.path.isdir(os.path.join(f, 'data'))), ''))";
    let run = Command::new("python3").args(["-c", script]).output();
    let folder = run.map_or(String::new(), |run| {
        String::from_utf8_lossy(&run.stdout).trim().to_owned()
    });
    assert!(
        !folder.is_empty(),
        "Python's test package is not here; install python3 with it \
         (Debian: apt-get install libpython3-testsuite)"
    );
    let files = files(&Path::new(&folder).join("data"), |_| true);
    assert!(files.len() >= 40, "too few messages in {folder}");
    files
}

/// The `rfc` messages of the `mail-parser` crate, from the registry's copy of its source.
fn rfc() -> Vec<PathBuf> {
    let run = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&run.stdout).expect("cargo metadata");
    let packages = metadata["packages"].as_array().unwrap();
    let parser = packages
        .iter()
        .find(|package| package["name"] == "mail-parser");
    let manifest = parser.expect("mail-parser is a dependency")["manifest_path"].as_str();
    let folder = Path::new(manifest.unwrap()).parent().unwrap();
    let files = files(&folder.join("resources/eml/rfc"), |name| {
        name.ends_with(".eml")
    });
    assert!(
        files.len() >= 10,
        "too few messages in {}",
        folder.display()
    );
    files
}

fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file() && wanted(&path.to_string_lossy()))
        .collect();
    files.sort();
    files
}

/// What no well-behaved program sends: line ends of all kinds, dots, NUL, no header, no end.
fn own() -> Vec<Sample> {
    let odd: [(&str, &[u8]); 22] = [
        ("one byte", b"x"),
        ("one LF", b"\n"),
        ("one CR", b"\r"),
        ("one CRLF", b"\r\n"),
        ("only dots", b"...\r\n..\r\n.\r\n"),
        ("a lone dot first", b".\r\n"),
        (
            "a lone dot between LFs",
            b"Subject: x\n\nbefore\n.\nafter\n",
        ),
        (
            "a lone dot between CRs",
            b"Subject: x\r\rbefore\r.\rafter\r",
        ),
        (
            "LF dot CRLF",
            b"Subject: x\r\n\r\nbefore\n.\r\nMAIL FROM:<x@y>\r\n",
        ),
        (
            "CRLF dot LF",
            b"Subject: x\r\n\r\nbefore\r\n.\nMAIL FROM:<x@y>\r\n",
        ),
        (
            "CRLF dot CR",
            b"Subject: x\r\n\r\nbefore\r\n.\rMAIL FROM:<x@y>\r\n",
        ),
        (
            "CR dot CRLF",
            b"Subject: x\r\n\r\nbefore\r.\r\nMAIL FROM:<x@y>\r\n",
        ),
        ("CRCRLF", b"Subject: x\r\r\n\r\r\nbody\r\r\n"),
        ("LFCR", b"Subject: x\n\r\n\rbody\n\r"),
        ("no line end at its end", b"Subject: x\r\n\r\nbody"),
        ("CR at its end", b"Subject: x\r\n\r\nbody\r"),
        ("no body", b"Subject: x\r\n"),
        ("no header", b"\r\nbody\r\n"),
        ("NUL", b"Subject: x\0\r\n\r\n\0.\r\n\0\r\n.\0\r\n"),
        (
            "eight bits",
            b"Subject: \xff\xfe\r\n\r\n\x80\x81\xc3\xa4\r\n",
        ),
        (
            "our own names",
            b"Holdfast-Length: 3\nReceived: x\nHoldfast-Id: y\n\nz\n",
        ),
        ("no end of a CRLF", b"Subject: x\n\nlast\r"),
    ];
    let mut samples: Vec<_> = odd
        .into_iter()
        .map(|(name, bytes)| Sample {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        })
        .collect();
    samples.push(Sample {
        name: "a line of 70,000 characters".to_owned(),
        bytes: [&b"Subject: x\r\n\r\n"[..], &[b'x'; 70_000], b"\r\n"].concat(),
    });
    samples.push(Sample {
        name: "3 MB of dots".to_owned(),
        bytes: [&b"Subject: x\r\n\r\n"[..], &b".\r\n".repeat(1_000_000)].concat(),
    });
    samples
}

/// As DATA carries it where the server cannot take it as it is: each bare CR and each bare LF
/// made CRLF, and a CRLF at the end.
pub fn canonical(bytes: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len() + bytes.len() / 20);
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {
                made.extend_from_slice(b"\r\n");
                at += 1;
            }
            b'\r' | b'\n' => made.extend_from_slice(b"\r\n"),
            byte => made.push(byte),
        }
        at += 1;
    }
    if !made.ends_with(b"\r\n") {
        made.extend_from_slice(b"\r\n");
    }
    made
}
