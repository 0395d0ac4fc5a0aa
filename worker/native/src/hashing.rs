//! Hashes of windows of a sequence. Mirrors `hashing.py`, which explains the method.

use std::borrow::Cow;
use std::iter::successors;
use std::sync::LazyLock;

use crate::offsets::Offset;

const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
const INVERSE: u64 = inverse(BASE);

const PRECOMPUTED_POWERS: usize = 1 << 16;

static POWERS: LazyLock<Vec<u64>> = LazyLock::new(|| powers(BASE, PRECOMPUTED_POWERS));
static INVERSE_POWERS: LazyLock<Vec<u64>> = LazyLock::new(|| powers(INVERSE, PRECOMPUTED_POWERS));

fn powers(base: u64, length: usize) -> Vec<u64> {
    successors(Some(1_u64), |power| Some(power.wrapping_mul(base))).take(length).collect()
}

/// Return the inverse of an odd number modulo 2**64 by Newton's method, which doubles the correct bits in each step.
const fn inverse(value: u64) -> u64 {
    let mut inverse = value; // correct in three bits
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(value.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

/// Apply MurmurHash3's 64-bit finaliser.
fn mix64(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    value ^= value >> 33;
    value = value.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    value ^ value >> 33
}

/// Hash the windows `values[starts[i]..ends[i]]`. Equal windows have equal hashes.
pub fn window_hashes(
    values: impl ExactSizeIterator<Item = u64>,
    starts: &[Offset],
    ends: &[Offset],
) -> impl Iterator<Item = u64> {
    let length = values.len();
    let (powers, inverses): (Cow<[u64]>, Cow<[u64]>) = if length <= PRECOMPUTED_POWERS {
        (Cow::Borrowed(&POWERS), Cow::Borrowed(&INVERSE_POWERS))
    } else {
        (powers(BASE, length).into(), powers(INVERSE, length).into())
    };
    let mut prefix_sums = Vec::with_capacity(length + 1);
    prefix_sums.push(0);
    let mut sum = 0_u64;
    prefix_sums.extend(values.zip(&*powers).map(|(value, power)| {
        sum = sum.wrapping_add(value.wrapping_add(1).wrapping_mul(*power));
        sum
    }));
    starts.iter().zip(ends).map(move |(&start, &end)| {
        let sum: u64 = prefix_sums[end as usize].wrapping_sub(prefix_sums[start as usize]);
        mix64(sum.wrapping_mul(inverses[start as usize]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(values: &[u64]) -> u64 {
        window_hashes(values.iter().copied(), &[0], &[values.len() as Offset]).next().unwrap()
    }

    #[test]
    fn the_hash_of_zeros_depends_on_their_number() {
        assert_ne!(hash(&[0, 0]), hash(&[0, 0, 0]));
    }

    #[test]
    fn the_hash_depends_on_the_order() {
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
    }

    #[test]
    fn equal_windows_have_equal_hashes_in_short_and_in_long_sequences() {
        let long: Vec<u64> = (0..=PRECOMPUTED_POWERS as u64).map(|value| value % 10).collect();
        let hashes = window_hashes(long.iter().copied(), &[3, 60_003], &[7, 60_007]);
        assert_eq!(hashes.collect::<Vec<u64>>(), [hash(&[3, 4, 5, 6]); 2]);
    }
}
