//! What was seen: a number that two runs of one seed must share, and on demand the lines.
//!
//! Lines cost more than all the rest, so a million seeds are played without them, and the one that
//! broke something is played again with them.

use std::cell::{Cell, RefCell};
use std::fmt::{Arguments, Write};

/// A trace, or its sum alone.
pub struct Trace {
    sum: Cell<u64>,
    lines: RefCell<Vec<String>>,
    kept: bool,
}

impl Trace {
    /// An empty one; its lines are `kept` or only counted in.
    pub fn new(kept: bool) -> Self {
        Self {
            sum: Cell::new(0xCBF2_9CE4_8422_2325),
            lines: RefCell::default(),
            kept,
        }
    }

    /// Adds what happened at `now`.
    pub fn add(&self, now: i64, what: Arguments<'_>) {
        let mut sum = Sum(self.sum.get());
        sum.mix(now.unsigned_abs());
        // Its writer cannot fail.
        sum.write_fmt(what).ok();
        self.sum.set(sum.0);
        if self.kept {
            self.lines.borrow_mut().push(format!("{now} {what}"));
        }
    }

    /// The sum of all of it.
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }

    /// The lines, taken out.
    pub fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}

/// FNV-1a, in words of eight bytes.
struct Sum(u64);

impl Sum {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(23);
    }
}

impl Write for Sum {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for chunk in text.as_bytes().chunks(8) {
            let word = chunk
                .iter()
                .fold(0, |word, byte| (word << 8) | u64::from(*byte));
            self.mix(word);
        }
        Ok(())
    }
}
