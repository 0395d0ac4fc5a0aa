//! The segments that are prose. Mirrors `prose_filter.py`, which has the evidence for the thresholds.
//!
//! Words are counted in tenths, which are integers: a word is 10, an ideograph 6, a character of a complex-context
//! script 5. numpy counts in fractions and rounds their sums, with the same result.

use crate::phrases::{PhraseMatcher, find_phrases};
use crate::tokens::Tokens;

const WORDS_PER_SEPARATOR: usize = 12;
const MAX_WORDS_PER_SENTENCE: usize = 40;
const MAX_LEGAL_WORDS: usize = 80;

/// Tenths of a word.
const WORD: usize = 10;

/// The word count of a segment, in tenths, and the reasons to drop it.
struct SegmentChecks {
    words: usize,
    too_short: bool,
    no_sentence_end: bool,
    link_bar: bool,
    legal: bool,
}

impl SegmentChecks {
    fn is_boilerplate(&self) -> bool {
        self.link_bar || self.legal
    }
}

/// Check each segment by itself.
fn check_segments(tokens: &Tokens, min_words: usize, legal_phrases: &PhraseMatcher) -> Vec<SegmentChecks> {
    let mut words = vec![0; tokens.sentence_end_counts.len()];
    for (&segment, &length) in tokens.segments.iter().zip(&tokens.shingle_lengths) {
        words[segment as usize] += word_weight(length);
    }
    let has_legal_phrase = has_legal_phrase(tokens, legal_phrases);
    let check = |(segment, words): (usize, usize)| SegmentChecks {
        words,
        too_short: words < min_words * WORD,
        no_sentence_end: tokens.sentence_end_counts[segment] < 1,
        link_bar: tokens.separator_counts[segment] >= 2
            && tokens.separator_counts[segment] * WORDS_PER_SEPARATOR * WORD >= words,
        legal: words < MAX_LEGAL_WORDS * WORD && has_legal_phrase[segment],
    };
    words.into_iter().enumerate().map(check).collect()
}

/// Mark the tokens of prose segments; no token of a text that is boilerplate alone.
///
/// If no segment is kept, the short segments are checked together.
pub fn keep_prose(tokens: &Tokens, min_words: usize, legal_phrases: &PhraseMatcher) -> Vec<bool> {
    let checks = check_segments(tokens, min_words, legal_phrases);
    let keep = |check: &SegmentChecks| !(check.is_boilerplate() || check.too_short || check.no_sentence_end);
    let mut kept: Vec<bool> = checks.iter().map(keep).collect();
    if !kept.contains(&true) {
        let (mut words, mut sentence_ends, mut separators) = (0, 0, 0);
        for (segment, check) in checks.iter().enumerate().filter(|(_, check)| !check.is_boilerplate()) {
            words += check.words;
            sentence_ends += tokens.sentence_end_counts[segment];
            separators += tokens.separator_counts[segment];
        }
        let is_link_bar = separators * WORDS_PER_SEPARATOR * WORD >= words.max(2 * WORDS_PER_SEPARATOR * WORD);
        if words >= min_words * WORD && sentence_ends * MAX_WORDS_PER_SENTENCE * WORD >= words && !is_link_bar {
            kept = checks.iter().map(|check| !check.is_boilerplate()).collect();
        }
    }
    tokens.segments.iter().map(|&segment| kept[segment as usize]).collect()
}

/// Mark the segments that contain a phrase of legal notices.
fn has_legal_phrase(tokens: &Tokens, legal_phrases: &PhraseMatcher) -> Vec<bool> {
    let counts = tokens.count_by_segment(&find_phrases(&tokens.characters, legal_phrases));
    counts.into_iter().map(|count| count > 0).collect()
}

/// Return the words that tokens count for, rounded as Python's `round` does: half a word to the even number.
pub fn count_words(shingle_lengths: impl Iterator<Item = u8>) -> usize {
    let tenths: usize = shingle_lengths.map(word_weight).sum();
    let (words, rest) = (tenths / WORD, tenths % WORD);
    words + usize::from(2 * rest > WORD || 2 * rest == WORD && words % 2 == 1)
}

/// Return the tenths of a word that a token counts for, from the tokens of a shingle that starts with it.
fn word_weight(shingle_length: u8) -> usize {
    const WEIGHTS: [usize; 7] = [0, 0, 0, WORD, 0, 3 * WORD / 5, 3 * WORD / 6]; // a division takes as long as a lookup
    WEIGHTS[usize::from(shingle_length)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_word_is_rounded_to_the_even_number() {
        let words = |lengths: &[u8]| count_words(lengths.iter().copied());
        assert_eq!(words(&[]), 0);
        assert_eq!(words(&[6]), 0);
        assert_eq!(words(&[3, 6]), 2);
        assert_eq!(words(&[3, 3, 6]), 2);
        assert_eq!(words(&[5; 25]), 15);
        assert_eq!(words(&[5, 5]), 1);
        assert_eq!(words(&[3, 5]), 2);
    }
}
