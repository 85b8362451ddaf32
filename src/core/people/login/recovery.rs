//! Recovery codes: ten of 80 random bits each, shown once, kept as SHA-256, each good once.
//!
//! A fast hash is enough. A slow one protects what people choose, because there are few of those; of
//! 80 random bits there are so many that a thousand machines with ten thousand million hashes a
//! second each try for hundreds of years before one comes out. The user's id is hashed with the code,
//! so that the codes of all users cannot be tried at once.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::limits;
use crate::people::UserId;
use crate::ports::Clock;

/// A code as it is shown, once: `7K3M-Q9XA-T0FJ-VD2W`. It is not printed in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

/// The hash of one, in hex.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryHash(String);

/// New codes for a user, and what is kept of them.
pub fn codes(clock: &impl Clock, user: UserId) -> (Vec<RecoveryCode>, Vec<RecoveryHash>) {
    let codes: Vec<_> = (0..limits::RECOVERY_CODES).map(|_| code(clock)).collect();
    let hashes = codes
        .iter()
        .filter_map(|code| hash(user, &code.0))
        .collect();
    (codes, hashes)
}

/// Takes the code away from those that are left; false where it is none of them. Each is compared in
/// constant time.
pub(super) fn use_up(left: &mut Vec<RecoveryHash>, user: UserId, typed: &str) -> bool {
    let Some(typed) = hash(user, typed) else {
        return false;
    };
    let mut found = Choice::from(0);
    left.retain(|kept| {
        let same = kept.0.as_bytes().ct_eq(typed.0.as_bytes());
        found |= same;
        !bool::from(same)
    });
    found.into()
}

impl RecoveryCode {
    /// The text to show, once.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash(..)")
    }
}

/// Sixteen letters of five bits each.
fn code(clock: &impl Clock) -> RecoveryCode {
    let mut random = [0; LETTERS];
    clock.random(&mut random);
    let mut text = String::with_capacity(LETTERS + LETTERS / GROUP);
    for (at, byte) in random.into_iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.extend(
            ALPHABET
                .get(usize::from(byte) % ALPHABET.len())
                .copied()
                .map(char::from),
        );
    }
    RecoveryCode(text)
}

/// The hash of a code as somebody typed it; none where it cannot be one.
fn hash(user: UserId, typed: &str) -> Option<RecoveryHash> {
    if typed.len() > TYPED_BYTES {
        return None;
    }
    let letters = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    let letters: String = letters.map(|c| meant(c.to_ascii_uppercase())).collect();
    let fits = letters.len() == LETTERS && letters.bytes().all(|letter| ALPHABET.contains(&letter));
    fits.then(|| {
        let digest = Sha256::digest(format!("holdfast recovery code 1\n{user}\n{letters}"));
        RecoveryHash(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    })
}

/// Letters that the alphabet leaves out because they look like digits.
fn meant(letter: char) -> char {
    match letter {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

/// Crockford's base32: no I, L, O, U. Its 32 letters divide 256, so that each is as likely.
const ALPHABET: [u8; 32] = *b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LETTERS: usize = 16;
const GROUP: usize = 4;
/// Bytes of what is looked at as a code at all.
const TYPED_BYTES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::login::tests::world::World;

    #[test]
    fn each_code_is_good_once_however_it_is_typed() {
        let world = World::new();
        let user = UserId::new(&world);
        let (codes, mut left) = codes(&world, user);
        assert_eq!((codes.len(), left.len()), (10, 10));
        let typed = codes[3]
            .as_str()
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert!(use_up(&mut left, user, &typed), "{typed}");
        assert!(!use_up(&mut left, user, codes[3].as_str()), "it is used up");
        assert_eq!(left.len(), 9);
        assert!(use_up(&mut left, user, codes[4].as_str()));
    }

    #[test]
    fn a_code_is_worth_nothing_to_another_user_or_when_it_is_cut() {
        let world = World::new();
        let user = UserId::new(&world);
        let (codes, mut left) = codes(&world, user);
        assert!(!use_up(&mut left, UserId::new(&world), codes[0].as_str()));
        let cut = codes[0].as_str().get(..18).unwrap();
        for wrong in [cut, "", "----", "ÄÖÜÄ-ÖÜÄÖ-ÜÄÖÜ", &"0".repeat(1_000)] {
            assert!(!use_up(&mut left, user, wrong), "{wrong}");
        }
        assert_eq!(left.len(), 10);
    }

    #[test]
    fn codes_have_eighty_bits_and_are_not_printed() {
        let world = World::new();
        let (codes, hashes) = codes(&world, UserId::new(&world));
        let mut different: Vec<_> = codes.iter().map(RecoveryCode::as_str).collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 10);
        assert!(
            codes.iter().all(|code| code.as_str().len() == 19),
            "sixteen letters, three hyphens"
        );
        let printed = format!("{codes:?} {hashes:?}");
        assert!(codes.iter().all(|code| !printed.contains(code.as_str())));
        let kept = serde_json::to_string(&hashes).unwrap();
        assert!(
            codes.iter().all(|code| !kept.contains(code.as_str())),
            "{kept}"
        );
    }
}
