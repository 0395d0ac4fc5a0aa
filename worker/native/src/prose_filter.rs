//! The segments that are prose. Mirrors `prose_filter.py`, which has the evidence for the thresholds.
//!
//! Words are counted in tenths, which are integers: a word is 10, an ideograph or a Vietnamese syllable 6, a character of
//! a complex-context script 5. numpy counts in fractions and rounds their sums, with the same result.

use crate::characters::{LOWER, UPPER};
use crate::phrases::{PhraseMatcher, find_phrases};
use crate::tokens::Tokens;

const WORDS_PER_SEPARATOR: usize = 12;
const MAX_WORDS_PER_SENTENCE: usize = 40;
const MIN_LINE_WORDS: usize = 4;
const MIN_KEPT_TENTHS: usize = 3;
const MIN_TEXT_WORDS: usize = 50;
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
/// If the segments kept are a small part of the text, its other lines are checked, too.
pub fn keep_prose(tokens: &Tokens, min_words: usize, legal_phrases: &PhraseMatcher) -> Vec<bool> {
    let checks = check_segments(tokens, min_words, legal_phrases);
    let keep = |check: &SegmentChecks| !(check.is_boilerplate() || check.too_short || check.no_sentence_end);
    let mut kept: Vec<bool> = checks.iter().map(keep).collect();
    let (mut in_kept, mut in_lines, mut in_sentences) = (0, 0, 0);
    for (check, &kept) in checks.iter().zip(&kept) {
        if kept {
            in_kept += check.words;
        } else if !check.is_boilerplate() && check.words >= MIN_LINE_WORDS * WORD {
            in_lines += check.words;
            in_sentences += if check.no_sentence_end { 0 } else { check.words };
        }
    }
    if in_kept == 0 || in_kept < in_sentences || 10 * in_kept < MIN_KEPT_TENTHS * (in_kept + in_lines) {
        for segment in lines_to_keep(tokens, &checks, &kept, in_kept, min_words) {
            kept[segment] = true;
        }
    }
    tokens.segments.iter().map(|&segment| kept[segment as usize]).collect()
}

/// Return further segments to keep of a text of which too little was kept.
///
/// already_kept  tenths of words in the kept segments
fn lines_to_keep(
    tokens: &Tokens,
    checks: &[SegmentChecks],
    kept: &[bool],
    already_kept: usize,
    min_words: usize,
) -> Vec<usize> {
    let is_other = |&segment: &usize| !kept[segment] && !checks[segment].is_boilerplate();
    let mut others: Vec<usize> = (0..checks.len()).filter(is_other).collect();
    let (mut words, mut sentence_ends, mut separators) = (0, 0, 0);
    for &segment in &others {
        words += checks[segment].words;
        sentence_ends += tokens.sentence_end_counts[segment];
        separators += tokens.separator_counts[segment];
    }
    let is_link_bar = separators * WORDS_PER_SEPARATOR * WORD >= words.max(2 * WORDS_PER_SEPARATOR * WORD);
    let has_sentences = words >= min_words * WORD && sentence_ends * MAX_WORDS_PER_SENTENCE * WORD >= words;
    if already_kept == 0 && has_sentences && !is_link_bar {
        return others;
    }
    let is_in_capitals = is_in_capitals(tokens);
    others.retain(|&segment| {
        let is_prose = !checks[segment].no_sentence_end || !is_in_capitals[segment];
        checks[segment].words >= MIN_LINE_WORDS * WORD && is_prose
    });
    let in_lines: usize = others.iter().map(|&segment| checks[segment].words).sum();
    if in_lines + already_kept >= MIN_TEXT_WORDS * WORD { others } else { Vec::new() }
}

/// Mark the segments in which most words begin with a capital, as the entries of menus do.
fn is_in_capitals(tokens: &Tokens) -> Vec<bool> {
    let mut balances = vec![0_i64; tokens.sentence_end_counts.len()];
    for (&segment, &start) in tokens.segments.iter().zip(&tokens.starts) {
        let first = tokens.classes[start as usize];
        balances[segment as usize] += i64::from(first & UPPER != 0) - i64::from(first & LOWER != 0);
    }
    balances.into_iter().map(|balance| balance > 0).collect()
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
pub fn word_weight(shingle_length: u8) -> usize {
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
