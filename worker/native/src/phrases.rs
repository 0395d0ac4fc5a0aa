//! Phrases of a list in a text. Mirrors `phrases.py`, which explains the method.

use crate::offsets::{Offset, rare_positions};

const PAIR_FACTOR: u16 = 0x9E37;
const HEAD_FACTOR: u16 = 0x6A4D;

/// A compiled list of normalised phrases.
pub struct PhraseMatcher {
    /// Phrases of one character.
    characters: Vec<u32>,
    /// Phrases of four characters or more.
    phrases: Vec<Vec<u32>>,
    /// Whether a phrase starts with characters of this hash; one bit for each of 65,536 hashes.
    is_head_hash: Box<[u64; 1024]>,
}

/// Return whether the bit of a hash is set.
fn is_set(bits: &[u64; 1024], hash: u16) -> bool {
    bits[usize::from(hash >> 6)] >> (hash & 63) & 1 != 0
}

/// Compile a list of normalised phrases. Return None if a phrase is empty or has two or three characters.
pub fn compile_phrases(list: Vec<Vec<u32>>) -> Option<PhraseMatcher> {
    let (single, phrases): (Vec<_>, Vec<_>) = list.into_iter().partition(|phrase| phrase.len() == 1);
    let mut is_head_hash = Box::new([0; 1024]);
    for phrase in &phrases {
        let hash = *head_hashes(phrase).first()?;
        is_head_hash[usize::from(hash >> 6)] |= 1 << (hash & 63);
    }
    Some(PhraseMatcher { characters: single.into_iter().flatten().collect(), phrases, is_head_hash })
}

/// Return the offsets in a text at which a phrase starts, ascending.
pub fn find_phrases(text: &[u32], matcher: &PhraseMatcher) -> Vec<Offset> {
    let mut found = Vec::new();
    for (offset, &hash) in (0..).zip(&head_hashes(text)) {
        if is_set(&matcher.is_head_hash, hash) && matcher.phrases.iter().any(|phrase| starts_with(text, offset, phrase))
        {
            found.push(offset);
        }
    }
    for &character in &matcher.characters {
        found.extend(rare_positions(text, |point| point == character));
    }
    found.sort_unstable();
    found
}

fn starts_with(text: &[u32], offset: Offset, phrase: &[u32]) -> bool {
    text[offset as usize..].starts_with(phrase)
}

/// Hash the four characters from each offset on, except from the last three.
fn head_hashes(text: &[u32]) -> Vec<u16> {
    let hash = |(&first, &second): (&u32, &u32)| (first as u16).wrapping_mul(PAIR_FACTOR).wrapping_add(second as u16);
    let pairs: Vec<u16> = text.iter().zip(text.iter().skip(1)).map(hash).collect();
    let hash = |(first, second): (&u16, &u16)| first.wrapping_mul(HEAD_FACTOR).wrapping_add(*second);
    pairs.iter().zip(pairs.iter().skip(2)).map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_points::str_to_code_points;

    fn find(text: &str) -> Vec<Offset> {
        let list = ["©", "privacy policy", "copyright"].map(str_to_code_points).to_vec();
        find_phrases(&str_to_code_points(text), &compile_phrases(list).unwrap())
    }

    #[test]
    fn phrases_and_single_characters_are_found() {
        assert_eq!(find("copyright © and privacy policy"), [0, 10, 16]);
    }

    #[test]
    fn a_part_of_a_phrase_is_not_found() {
        assert!(find("copyrigh").is_empty());
        assert!(find("cop").is_empty());
    }

    #[test]
    fn a_phrase_of_two_characters_is_refused() {
        assert!(compile_phrases(vec![str_to_code_points("ab")]).is_none());
    }
}
