//! One seed decides everything: SplitMix64, which needs no library and never changes.

use std::cell::Cell;

/// Numbers that only look random.
pub struct Chance(Cell<u64>);

impl Chance {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66,
        ))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// An index into so many.
    pub fn index(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Milliseconds from `from` up to `to`.
    pub fn millis(&self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to - from).unwrap_or(0);
        from + i64::try_from(self.below(span + 1)).unwrap_or(0)
    }

    /// True once in `times`; never for 0.
    pub fn once_in(&self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}
