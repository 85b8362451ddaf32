//! Passwords: what a new one must be, and how one is kept: Argon2id (RFC 9106) with the memory and
//! passes that OWASP's Password Storage Cheat Sheet names first, as a PHC string.
//!
//! Verifying takes the same time whether there is a hash to compare with or not: where there is none
//! a hash that no password has is computed instead. A rule about length and a short list of what
//! everybody tries first, and no rule about kinds of characters: those make passwords that are
//! harder to remember and no harder to guess (NIST SP 800-63B, 3.1.1.2).

use std::fmt;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::ports::Clock;

/// A password's hash as a PHC string. It is not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

/// Whether a password was the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It was.
    Yes,
    /// It was, and its hash was made with other costs than today's: hash it anew.
    YesAgedHash,
    /// It was not, or there is none.
    No,
}

/// Why a new password is not taken. The words are for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer characters than [`limits::PASSWORD_CHARS_LEAST`].
    #[error("a password has at least {} characters", limits::PASSWORD_CHARS_LEAST)]
    Short,
    /// More bytes than [`limits::PASSWORD_BYTES`].
    #[error("a password has at most {} bytes", limits::PASSWORD_BYTES)]
    Long,
    /// Among the first that anybody tries: a common word and digits, a row of keys, a repetition.
    #[error("this password is among the first that anybody would try")]
    Common,
    /// The person's own name or address, and little else.
    #[error("this password is mostly your own name or address")]
    OwnName,
}

/// The hash could not be made: no memory is left. The password plays no part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password cannot be hashed here now")]
pub struct CannotHash;

/// Whether a new password may be taken. `own` are the person's names and addresses.
pub fn check_new(password: &str, own: &[&str]) -> Result<(), Unfit> {
    if password.len() > limits::PASSWORD_BYTES {
        return Err(Unfit::Long);
    }
    if password.chars().count() < limits::PASSWORD_CHARS_LEAST {
        return Err(Unfit::Short);
    }
    let folded = fold(password);
    if is_common(password, &folded) {
        return Err(Unfit::Common);
    }
    if is_own(&folded, own) {
        return Err(Unfit::OwnName);
    }
    Ok(())
}

impl PasswordHash {
    /// The hash of a password, with a salt of its own.
    pub fn new(clock: &impl Clock, password: &str) -> Result<Self, CannotHash> {
        let mut salt = [0; SALT_BYTES];
        clock.random(&mut salt);
        let hash: Phc = hasher()?
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|_| CannotHash)?;
        Ok(Self(hash.to_string()))
    }

    /// The parts, where they are ones that we could have written.
    fn parsed(&self) -> Option<(Phc, Params)> {
        let hash = Phc::new(&self.0).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let bounded = params.m_cost() <= limits::PASSWORD_MEMORY_KIB_CEILING
            && params.t_cost() <= limits::PASSWORD_PASSES_CEILING
            && params.p_cost() == LANES;
        (bounded && hash.algorithm.as_str() == Algorithm::Argon2id.as_str())
            .then_some((hash, params))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Whether `password` is the one behind `kept`. It takes as long where nothing is kept, and where what
/// is kept cannot be read.
pub fn verify(password: &str, kept: Option<&PasswordHash>) -> Verified {
    let Some((hash, params)) = kept.and_then(PasswordHash::parsed) else {
        if let Some((nobodys, _)) = PasswordHash(nobodys()).parsed() {
            matches(password, &nobodys);
        }
        return Verified::No;
    };
    match matches(password, &hash) {
        false => Verified::No,
        true if is_current(&params) => Verified::Yes,
        true => Verified::YesAgedHash,
    }
}

/// Computes the hash anew, with the costs that it names, and compares in constant time.
fn matches(password: &str, hash: &Phc) -> bool {
    #[cfg(test)]
    tests::HASHED.with(|hashed| hashed.set(hashed.get() + 1));
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
    hasher.verify_password(password.as_bytes(), hash).is_ok()
}

fn hasher() -> Result<Argon2<'static>, CannotHash> {
    let (memory, passes) = (limits::PASSWORD_MEMORY_KIB, limits::PASSWORD_PASSES);
    let params = Params::new(memory, passes, LANES, None).map_err(|_| CannotHash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_current(params: &Params) -> bool {
    params.m_cost() == limits::PASSWORD_MEMORY_KIB && params.t_cost() == limits::PASSWORD_PASSES
}

/// A hash with today's costs that no password is known to have: all zeros.
fn nobodys() -> String {
    format!(
        "$argon2id$v=19$m={},t={},p={LANES}${}${}",
        limits::PASSWORD_MEMORY_KIB,
        limits::PASSWORD_PASSES,
        "A".repeat(22),
        "A".repeat(43),
    )
}

/// Lower case, letters and digits only: how `P@ss-Word 1` and `p@ssword1` become alike.
fn fold(text: &str) -> String {
    let alike = |c: char| match c {
        '@' => 'a',
        '$' => 's',
        other => other,
    };
    let letters = text.chars().map(alike).filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// One of the words, once or several times, with or without digits around it and in it; or a unit
/// that is repeated; or a row of neighbours.
fn is_common(password: &str, folded: &str) -> bool {
    let trimmed = folded.trim_matches(|c: char| c.is_ascii_digit());
    let spelled: String = trimmed.chars().map(letter_for_digit).collect();
    let is_words = [folded, trimmed, &spelled].iter().any(|text| {
        let of = |word: &&str| text.replace(word, "").is_empty();
        !text.is_empty() && COMMON.iter().any(of)
    });
    let chars: Vec<i64> = password.chars().map(|c| i64::from(u32::from(c))).collect();
    let pairs = |apart: usize| chars.iter().skip(apart).zip(&chars);
    let repeats = |unit: usize| pairs(unit).all(|(this, before)| this == before);
    // One break is allowed: ...890123...
    let is_row = |step: i64| {
        pairs(1)
            .filter(|(this, before)| *this - *before != step)
            .count()
            <= 1
    };
    is_words || (1..=REPEATED).any(repeats) || is_row(1) || is_row(-1)
}

/// The person's names and the parts of the addresses are taken away; what is left must be something.
fn is_own(folded: &str, own: &[&str]) -> bool {
    let mut pieces: Vec<String> = own
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()).chain([*name]))
        .map(fold)
        .filter(|piece| piece.chars().count() >= OWN_PIECE)
        .collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let mut rest = folded.to_owned();
    for piece in pieces {
        rest = rest.replace(&piece, "");
    }
    rest.len() < folded.len() && rest.chars().count() < OWN_REST
}

fn letter_for_digit(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    }
}

const SALT_BYTES: usize = 16;
const LANES: u32 = 1;
/// The longest unit whose mere repetition is no password.
const REPEATED: usize = 4;
/// Characters of a part of the own name that is looked for.
const OWN_PIECE: usize = 3;
/// Characters beside the own name that make it another word.
const OWN_REST: usize = 8;
/// Words that the lists of leaked passwords begin with, as they are after folding.
const COMMON: [&str; 44] = [
    "password",
    "passwort",
    "passwd",
    "passphrase",
    "motdepasse",
    "contrasena",
    "kennwort",
    "welcome",
    "willkommen",
    "benvenuto",
    "bienvenue",
    "bienvenido",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfghjkl",
    "yxcvbnm",
    "zxcvbnm",
    "1qaz2wsx3edc",
    "1q2w3e4r5t6y",
    "qazwsxedc",
    "letmein",
    "iloveyou",
    "administrator",
    "admin",
    "changeme",
    "default",
    "secret",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "monkey",
    "dragon",
    "master",
    "trustno",
    "starwars",
    "summer",
    "winter",
    "holdfast",
];

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::people::login::tests::world::World;

    std::thread_local! {
        /// Hashes that were computed to be compared with: what an answer costs.
        pub static HASHED: Cell<u32> = const { Cell::new(0) };
    }

    /// How many hashes `work` compared with.
    pub fn hashes<T>(work: impl FnOnce() -> T) -> (u32, T) {
        let before = HASHED.get();
        let answer = work();
        (HASHED.get() - before, answer)
    }

    #[test]
    fn a_password_is_kept_as_argon2id_with_the_costs_of_owasp_and_its_own_salt() {
        let world = World::new();
        let [one, two] =
            [0, 1].map(|_| PasswordHash::new(&world, "correct horse battery").unwrap());
        assert!(
            one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            one.0
        );
        assert_ne!(one.0, two.0, "each has a salt of its own");
        assert_eq!(verify("correct horse battery", Some(&one)), Verified::Yes);
        assert_eq!(verify("correct horse batterx", Some(&one)), Verified::No);
        assert_eq!(verify("", Some(&one)), Verified::No);
        assert_eq!(format!("{one:?}"), "PasswordHash(..)");
    }

    #[test]
    fn a_hash_is_computed_whether_there_is_one_to_compare_with_or_not() {
        let damaged = [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
            "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2d$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ];
        let kept = damaged.map(|text| Some(PasswordHash(text.into())));
        for kept in kept.into_iter().chain([None]) {
            assert_eq!(
                hashes(|| verify("whatever", kept.as_ref())),
                (1, Verified::No),
                "{:?}",
                kept.map(|k| k.0)
            );
        }
        let (_, params) = PasswordHash(nobodys()).parsed().unwrap();
        assert!(
            is_current(&params),
            "the hash of nobody costs what a new one costs"
        );
    }

    #[test]
    fn a_hash_made_with_other_costs_is_good_and_said_to_be_old() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8_192, 1, 1, None).unwrap(),
        );
        let hash: Phc = weak
            .hash_password_with_salt(b"correct horse battery", &[7; 16])
            .unwrap();
        let hash = PasswordHash(hash.to_string());
        assert_eq!(
            verify("correct horse battery", Some(&hash)),
            Verified::YesAgedHash
        );
        assert_eq!(verify("another horse battery", Some(&hash)), Verified::No);
    }

    #[test]
    fn what_everybody_tries_first_is_no_password() {
        for common in [
            "password1234",
            "Password1234!",
            "P@ssw0rd12345",
            "passwordpassword",
            "123456789012",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "abcdefghijkl",
            "987654321098",
            "qwertyuiop123",
            "Welcome2026!!",
            "administrator",
            "1q2w3e4r5t6y",
            "iloveyou1234",
            "changeme!!!!!!",
        ] {
            assert!(
                matches!(check_new(common, &[]), Err(Unfit::Common)),
                "{common}: {:?}",
                check_new(common, &[])
            );
        }
        assert_eq!(check_new("short-one1", &[]), Err(Unfit::Short));
        assert_eq!(check_new(&"long ".repeat(103), &[]), Err(Unfit::Long));
        for good in [
            "correct horse battery",
            "три девицы под окном",
            "kX9#mm2!pQ7z",
            "my password is a fish",
        ] {
            assert_eq!(
                check_new(good, &["Anna Rossi", "anna.rossi@example.org"]),
                Ok(()),
                "{good}"
            );
        }
    }

    #[test]
    fn one_s_own_name_with_a_year_is_no_password() {
        let own = ["Anna Rossi", "anna.rossi@example.org"];
        for bad in [
            "annarossi2026",
            "Anna.Rossi@example.org",
            "RossiAnna-1984",
            "example.org2026",
        ] {
            assert_eq!(check_new(bad, &own), Err(Unfit::OwnName), "{bad}");
        }
        assert_eq!(check_new("anna likes green rivers", &own), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(password in "\\PC{0,40}", own in "\\PC{0,20}") {
            let _ = check_new(&password, &[&own]);
        }
    }
}
