//! What a medium holds of one file: what was synced, and what may or may not be there.

/// A sector is written whole or not at all; a longer write may be torn between two.
const SECTOR: usize = 512;

/// How much of what was not synced a power loss leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Only what was synced.
    Nothing,
    /// A random choice of sectors.
    Some,
    /// All that was written.
    All,
}

/// A small generator of random numbers (SplitMix64), the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

/// Whether a change will surely be found after a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A sync that succeeded came after it.
    Synced,
    /// No sync came after it yet.
    Pending,
    /// A sync after it failed. As on Linux, no later one makes it good.
    Doubtful,
}

/// A file on the medium.
#[derive(Clone, Debug, Default)]
pub struct Image {
    base: Vec<u8>,
    changes: Vec<(State, Change)>,
}

impl Image {
    /// A file that is wholly on the medium.
    pub fn new(base: Vec<u8>) -> Image {
        Image {
            base,
            changes: Vec::new(),
        }
    }

    /// Notes a write.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.changes
            .push((State::Pending, Change::Write { at, bytes }));
    }

    /// Notes a truncation.
    pub fn truncate(&mut self, size: usize) {
        self.changes
            .push((State::Pending, Change::Truncate { size }));
    }

    /// Notes a sync, and how it went.
    pub fn sync(&mut self, succeeded: bool) {
        let next = if succeeded {
            State::Synced
        } else {
            State::Doubtful
        };
        for (state, _) in &mut self.changes {
            if *state == State::Pending {
                *state = next;
            }
        }
        if self
            .changes
            .iter()
            .all(|(state, _)| *state == State::Synced)
        {
            let mut base = std::mem::take(&mut self.base);
            for (_, change) in self.changes.drain(..) {
                apply(&mut base, &change, |_| true);
            }
            self.base = base;
        }
    }

    /// What is found after a power loss.
    pub fn after_power_loss(&self, kept: Kept, random: &mut Random) -> Vec<u8> {
        let mut found = self.base.clone();
        for (state, change) in &self.changes {
            let sure = *state == State::Synced;
            apply(&mut found, change, |_| {
                sure || match kept {
                    Kept::Nothing => false,
                    Kept::Some => random.next().is_multiple_of(2),
                    Kept::All => true,
                }
            });
        }
        found
    }
}

/// Applies the sectors of a change that `keeps` wants.
fn apply(file: &mut Vec<u8>, change: &Change, mut keeps: impl FnMut(usize) -> bool) {
    match change {
        Change::Truncate { size } => {
            if keeps(*size) {
                file.resize(*size, 0);
            }
        }
        Change::Write { at, bytes } => {
            let mut from = 0;
            while from < bytes.len() {
                let to = (from + SECTOR - (at + from) % SECTOR).min(bytes.len());
                if keeps(at + from) {
                    if file.len() < at + to {
                        file.resize(at + to, 0);
                    }
                    if let (Some(place), Some(sector)) =
                        (file.get_mut(at + from..at + to), bytes.get(from..to))
                    {
                        place.copy_from_slice(sector);
                    }
                }
                from = to;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn found(image: &Image, kept: Kept, seed: u64) -> Vec<u8> {
        image.after_power_loss(kept, &mut Random::new(seed))
    }

    #[test]
    fn only_what_was_synced_is_sure_to_be_found() {
        let mut image = Image::new(vec![1; 10]);
        image.write(5, &[2; 10]);
        image.sync(true);
        image.write(0, &[3; 3]);
        image.truncate(4);
        assert_eq!(
            found(&image, Kept::Nothing, 0),
            [[1; 5].as_slice(), &[2; 10]].concat()
        );
        assert_eq!(found(&image, Kept::All, 0), [3, 3, 3, 1]);
    }

    #[test]
    fn a_write_is_torn_at_sectors_and_nowhere_else() {
        let mut image = Image::new(vec![0; 2_000]);
        image.write(500, &[7; 1_000]);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let file = found(&image, Kept::Some, seed);
            let pieces = [&file[500..512], &file[512..1_024], &file[1_024..1_500]];
            for piece in pieces {
                assert!(piece.iter().all(|byte| *byte == piece[0]));
            }
            seen.insert(pieces.map(|piece| piece[0]));
        }
        assert_eq!(seen.len(), 8, "every choice of three pieces");
    }

    #[test]
    fn no_later_sync_makes_good_what_a_failed_one_left() {
        let mut image = Image::default();
        image.write(0, &[1; 4]);
        image.sync(false);
        image.write(2, &[2; 4]);
        image.sync(true);
        assert_eq!(found(&image, Kept::Nothing, 0), [0, 0, 2, 2, 2, 2]);
        assert_eq!(found(&image, Kept::All, 0), [1, 1, 2, 2, 2, 2]);
    }
}
