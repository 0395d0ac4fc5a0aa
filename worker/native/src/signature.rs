//! The signature: MinHash rows and a bottom-k sketch. Mirrors `signature.py`, which has the sources.

use crate::offsets::Offset;
use crate::shingles::Shingles;

const SKETCH_BITS: u32 = 24;

const HIGHEST_BIT: u32 = 1 << 31;

/// The signature of a text; the fields are those of Python's `Signature`.
pub struct Signature {
    pub rows: Vec<u32>,
    pub sketch: Vec<u32>,
    pub sentence_ids: Vec<u8>,
    pub shingle_count: usize,
    pub word_count: usize,
}

/// An odd multiplier and an offset, drawn by Python.
pub struct Permutation {
    pub multiplier: u32,
    pub offset: u32,
}

/// Make the signature of the shingles of a text; there must be at least one. A sketch has at most 256 hashes.
pub fn make_signature(shingles: &Shingles, permutations: &[Permutation], sketch_size: usize) -> Signature {
    let mut sketch: Vec<u32> = Vec::with_capacity(sketch_size);
    let mut sentences = Vec::with_capacity(sketch_size);
    // The hashes ascend, so the first hash of each prefix is in ascending order, too.
    for (&hash, &sentence) in shingles.hashes.iter().zip(&shingles.sentences) {
        let prefix = hash >> (32 - SKETCH_BITS);
        if sketch.last() == Some(&prefix) {
            continue;
        }
        if sketch.len() == sketch_size {
            break;
        }
        sketch.push(prefix);
        sentences.push(sentence);
    }
    Signature {
        rows: minhash_rows(&shingles.hashes, permutations),
        sketch,
        sentence_ids: ranks(&sentences),
        shingle_count: shingles.hashes.len(),
        word_count: shingles.word_count,
    }
}

/// Return the minimum of each permutation over all hashes.
fn minhash_rows(hashes: &[u32], permutations: &[Permutation]) -> Vec<u32> {
    let mixed: Vec<u32> = hashes.iter().map(|&hash| mix32(hash)).collect();
    permutations.iter().map(|permutation| row_minimum(&mixed, permutation)).collect()
}

/// Return the minimum of a permutation.
///
/// With the highest bit flipped, unsigned integers have the order of signed ones, which all processors compare several
/// at a time.
fn row_minimum(mixed: &[u32], permutation: &Permutation) -> u32 {
    let offset = permutation.offset ^ HIGHEST_BIT;
    let permute = |value: &u32| value.wrapping_mul(permutation.multiplier).wrapping_add(offset) as i32;
    mixed.iter().map(permute).fold(i32::MAX, i32::min) as u32 ^ HIGHEST_BIT
}

/// Return the rank of each number among the distinct numbers, of which there are at most 256.
fn ranks(numbers: &[Offset]) -> Vec<u8> {
    let mut seen = vec![false; numbers.iter().max().map_or(0, |&highest| highest as usize + 1)];
    for &number in numbers {
        seen[number as usize] = true;
    }
    let mut ranks = Vec::with_capacity(seen.len());
    let mut rank = 0_u8;
    for seen in seen {
        ranks.push(rank);
        rank = rank.wrapping_add(seen.into());
    }
    numbers.iter().map(|&number| ranks[number as usize]).collect()
}

/// Apply MurmurHash3's 32-bit finaliser.
fn mix32(mut value: u32) -> u32 {
    value ^= value >> 16;
    value = value.wrapping_mul(0x85EB_CA6B);
    value ^= value >> 13;
    value = value.wrapping_mul(0xC2B2_AE35);
    value ^ value >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_number_the_sampled_sentences() {
        assert_eq!(ranks(&[900, 3, 900, 17]), [2, 0, 2, 1]);
        let numbers: Vec<Offset> = (0..256).rev().collect();
        assert_eq!(ranks(&numbers), (0..=255).rev().collect::<Vec<u8>>());
    }

    #[test]
    fn a_row_is_the_unsigned_minimum() {
        let permutation = Permutation { multiplier: 3, offset: 0xFFFF_FFF0 };
        let permute = |value: u32| value.wrapping_mul(3).wrapping_add(0xFFFF_FFF0);
        let values = [0, 1, 2, 7, 0x8000_0000, 0xFFFF_FFFF];
        assert_eq!(row_minimum(&values, &permutation), values.into_iter().map(permute).min().unwrap());
    }
}
