//! Dice: all chance of a run comes from one seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use uuid::Uuid;

/// Dice that fall the same way whenever the seed is the same.
#[derive(Clone, Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Dice of their own for a part of a run, so that throwing more of these changes nothing else.
    pub(crate) fn fork(&mut self) -> Self {
        Self(ChaCha8Rng::seed_from_u64(self.0.next_u64()))
    }

    /// Dice for one part of a run: whether another part happens changes nothing about them.
    pub(crate) fn part(&self, number: u64) -> Self {
        let mut dice = self.0.clone();
        dice.set_stream(number);
        dice.set_word_pos(0);
        Self(dice)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From 0 up to but not `below`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        let below = u64::try_from(below.max(1)).expect("a small number");
        usize::try_from(self.0.next_u64() % below).expect("it is below")
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.0.next_u64() % (to - from + 1).unsigned_abs()).expect("it fits")
    }

    /// So many times in a thousand.
    pub(crate) fn permille(&mut self, chance: u32) -> bool {
        self.0.next_u64() % 1000 < u64::from(chance)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    /// An id, in the form that phones mint.
    pub(crate) fn id(&mut self) -> Uuid {
        let bytes = [self.0.next_u64().to_be_bytes(), self.0.next_u64().to_be_bytes()].concat();
        uuid::Builder::from_random_bytes(bytes.try_into().expect("sixteen bytes")).into_uuid()
    }
}
