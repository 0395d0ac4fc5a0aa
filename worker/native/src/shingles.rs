//! Hashes of the shingles of kept tokens. Mirrors `shingles.py`.

use crate::hashing::window_hashes;
use crate::offsets::{Offset, positions};
use crate::prose_filter::count_words;
use crate::tokens::Tokens;

const HASH_SHIFT: u32 = 32;
const DIGIT_SHIFT: u32 = 40;
const HASH_MASK: u64 = 0xFFFF_FEFF_0000_0000;

/// The distinct shingles of a text; the fields are those of Python's `Shingles`.
pub struct Shingles {
    pub hashes: Vec<u32>,
    pub sentences: Vec<Offset>,
    pub word_count: usize,
}

/// Hash the shingles of the kept tokens; None without a kept token.
pub fn hash_shingles(tokens: &Tokens, kept: &[bool]) -> Option<Shingles> {
    let kept_tokens = positions(kept, |kept| kept);
    if kept_tokens.is_empty() {
        return None;
    }
    let lengths: Vec<u8> = kept_tokens.iter().map(|&token| tokens.shingle_lengths[token as usize]).collect();
    let sentences = number_runs(&tokens.sentences, &kept_tokens);
    let parts = tokens.sentence_parts.as_ref().map(|parts| number_runs(parts, &kept_tokens));
    let (starts, ends) = shingle_bounds(&lengths, &sentences);
    let hashes = window_hashes(kept_tokens.iter().map(|&token| tokens.hashes[token as usize]), &starts, &ends);
    let mut digits = vec![0; kept_tokens.len() + 1];
    for (position, &token) in kept_tokens.iter().enumerate() {
        digits[position + 1] = digits[position] + u32::from(tokens.has_digit[token as usize]);
    }
    let key = |((hash, &start), &end): ((u64, &Offset), &Offset)| {
        let has_digit = u64::from(digits[end as usize] > digits[start as usize]);
        hash & HASH_MASK | has_digit << DIGIT_SHIFT | u64::from(start)
    };
    let keys: Vec<u64> = hashes.zip(&starts).zip(&ends).map(key).collect();
    let distinct = distinct(&keys);
    let parts = parts.as_ref().unwrap_or(&sentences);
    Some(Shingles {
        hashes: distinct.iter().map(|key| (key >> HASH_SHIFT) as u32).collect(),
        sentences: distinct.iter().map(|&key| parts[key as u32 as usize]).collect(),
        word_count: count_words(lengths.into_iter()),
    })
}

/// Number the sentences, or the parts of sentences, of the kept tokens from 0.
fn number_runs(sentences: &[Offset], kept_tokens: &[Offset]) -> Vec<Offset> {
    let mut numbers = vec![0; kept_tokens.len()];
    let mut number = 0;
    for (position, pair) in kept_tokens.windows(2).enumerate() {
        number += Offset::from(sentences[pair[0] as usize] != sentences[pair[1] as usize]);
        numbers[position + 1] = number;
    }
    numbers
}

/// Return the start and the end of each shingle. A sentence with fewer tokens than a shingle is one shingle.
fn shingle_bounds(lengths: &[u8], sentences: &[Offset]) -> (Vec<Offset>, Vec<Offset>) {
    let count = lengths.len();
    let mut sentence_ends = vec![count as Offset; count];
    for position in (1..count).rev() {
        let continues = sentences[position - 1] == sentences[position];
        sentence_ends[position - 1] = if continues { sentence_ends[position] } else { position as Offset };
    }
    let mut starts = vec![0; count];
    let mut ends = vec![0; count];
    let mut shingles = 0;
    for (position, &length) in lengths.iter().enumerate() {
        let end = position as Offset + Offset::from(length);
        let starts_sentence = position == 0 || sentences[position - 1] != sentences[position];
        starts[shingles] = position as Offset;
        ends[shingles] = end.min(sentence_ends[position]);
        shingles += usize::from((end <= sentence_ends[position]) | starts_sentence);
    }
    starts.truncate(shingles);
    ends.truncate(shingles);
    (starts, ends)
}

/// Return the first key of each hash, ascending. A key is a hash above a position.
fn distinct(keys: &[u64]) -> Vec<u64> {
    let mut sorted = sort(keys);
    sorted.dedup_by_key(|key| *key >> HASH_SHIFT);
    sorted
}

/// Sort keys by buckets of their highest bits: those of a hash are evenly distributed, so a bucket has few keys.
fn sort(keys: &[u64]) -> Vec<u64> {
    let bits = keys.len().next_power_of_two().ilog2().clamp(1, 16);
    let bucket = |key: u64| (key >> (64 - bits)) as usize;
    let mut ends = vec![0_u32; 1 << bits];
    for &key in keys {
        ends[bucket(key)] += 1;
    }
    let mut total = 0;
    for end in &mut ends {
        total += std::mem::replace(end, total);
    }
    // Each entry is now the start of its bucket, and moves to the bucket's end.
    let mut sorted = vec![0; keys.len()];
    for &key in keys {
        let end = &mut ends[bucket(key)];
        sorted[*end as usize] = key;
        *end += 1;
    }
    let mut start = 0;
    for end in ends {
        if end - start > 1 {
            sorted[start as usize..end as usize].sort_unstable();
        }
        start = end;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_each_hash_is_kept() {
        assert_eq!(distinct(&[7 << 32 | 5, 3 << 32 | 9, 7 << 32 | 2]), [3 << 32 | 9, 7 << 32 | 2]);
    }

    #[test]
    fn keys_are_sorted_whatever_their_distribution() {
        for count in [0, 1, 2, 100, 100_000_u64] {
            for factor in [0, 1, u64::MAX / 1000, 0x9E37_79B9_7F4A_7C15] {
                let keys: Vec<u64> = (0..count).map(|number| number.wrapping_mul(factor)).collect();
                let mut expected = keys.clone();
                expected.sort_unstable();
                assert_eq!(sort(&keys), expected);
            }
        }
    }
}
