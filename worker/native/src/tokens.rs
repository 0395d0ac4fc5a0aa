//! Tokenisation. Mirrors `tokens.py`, which explains the rules.
//!
//! Python tokenises several texts at once, with TEXT_END between two; here each text is tokenised alone.

use crate::characters::{
    CLOSE, COMPLEX, DIGIT, IDEOGRAPH, IGNORABLE, MARK, MENU_SEPARATOR, SPACE, TERMINATOR, TEXT_END,
    UNSPACED_TERMINATOR, VIETNAMESE, WORD,
};
use crate::hashing::window_hashes;
use crate::layout::{Gaps, LineEnds, find_line_ends};
use crate::normalisation::Normalised;
use crate::offsets::{Offset, positions, rare_positions};

const WORDS_PER_SHINGLE: u8 = 3;
const SYLLABLES_PER_SHINGLE: u8 = 5;
const IDEOGRAPHS_PER_SHINGLE: u8 = 5;
const COMPLEX_PER_SHINGLE: u8 = 6;

const UNSEPARATED: u16 = IDEOGRAPH | COMPLEX;
const AFTER_SENTENCE: u16 = SPACE | IDEOGRAPH | TEXT_END;
const ANY_TERMINATOR: u16 = TERMINATOR | UNSPACED_TERMINATOR;

const TOKENS_PER_VIETNAMESE_LETTER: usize = 10;
const MAX_PART: usize = 64;
const MAX_CLOSE_CHARACTERS: usize = 3;

/// The tokens of a text; the fields are those of Python's `Tokens`.
pub struct Tokens {
    pub characters: Vec<u32>,
    pub classes: Vec<u16>,
    pub line_ends: Vec<Offset>,
    pub starts: Vec<Offset>,
    pub hashes: Vec<u64>,
    pub shingle_lengths: Vec<u8>,
    pub has_digit: Vec<bool>,
    pub segments: Vec<Offset>,
    pub sentences: Vec<Offset>,
    /// None if no sentence is split, so that the parts are the sentences.
    pub sentence_parts: Option<Vec<Offset>>,
    pub line_has_token: Vec<bool>,
    pub sentence_end_counts: Vec<usize>,
    pub separator_counts: Vec<usize>,
}

impl Tokens {
    /// Count ascending offsets in each segment. Offsets on lines without a token are not counted.
    pub fn count_by_segment(&self, offsets: &[Offset]) -> Vec<usize> {
        count_by_segment(offsets, &self.line_ends, &self.line_has_token)
    }
}

/// Split a normalised text into tokens, sentences and segments.
pub fn tokenise(Normalised { mut characters, mut classes }: Normalised) -> Tokens {
    let present = classes.iter().fold(0, |present, classes| present | classes);
    if present & IGNORABLE != 0 {
        let visible = positions(&classes, |classes| classes & IGNORABLE == 0);
        characters = visible.iter().map(|&offset| characters[offset as usize]).collect();
        classes = visible.iter().map(|&offset| classes[offset as usize]).collect();
    }
    let gaps = positions(&classes, |classes| classes & WORD == 0);
    let gap_classes: Vec<u16> = gaps.iter().map(|&gap| classes[gap as usize]).collect();
    let (mut starts, mut ends, mut tokens_before) = word_runs(&gaps, classes.len());
    if present & UNSEPARATED != 0 {
        let first_tokens;
        (starts, ends, first_tokens) = split_unseparated(&classes, &starts, &ends);
        tokens_before = tokens_before.into_iter().map(|runs| first_tokens[runs as usize]).collect();
    }
    // Line ends, sentence ends and separators are indexes of gaps.
    let text = Gaps { characters: &characters, classes: &classes, offsets: &gaps, gap_classes: &gap_classes };
    let LineEnds { line_ends, joined_feeds } = find_line_ends(&text);
    let sentence_ends = sentence_ends(&text, &joined_feeds, present);
    let separators = rare_positions(&gap_classes, |classes| classes & MENU_SEPARATOR != 0);
    let first_tokens = |ends: &[Offset]| ends.iter().map(|&gap| tokens_before[gap as usize]).collect::<Vec<Offset>>();
    let line_starts = first_tokens(&line_ends);
    let (segments, sentences) = segments_and_sentences(starts.len(), &line_starts, &first_tokens(&sentence_ends));
    let line_has_token = line_has_token(starts.len(), &line_starts);
    Tokens {
        hashes: window_hashes(characters.iter().map(|&point| point.into()), &starts, &ends).collect(),
        shingle_lengths: shingle_lengths(&classes, &starts, present),
        has_digit: has_digit(&classes, &starts, present),
        sentence_end_counts: count_by_segment(&sentence_ends, &line_ends, &line_has_token),
        separator_counts: count_by_segment(&separators, &line_ends, &line_has_token),
        line_ends: line_ends.into_iter().map(|gap| gaps[gap as usize]).collect(),
        sentence_parts: split_long_sentences(&sentences),
        characters,
        classes,
        starts,
        segments,
        sentences,
        line_has_token,
    }
}

/// Return the starts and ends of runs of word characters, and the runs before each of the other characters.
fn word_runs(gaps: &[Offset], length: usize) -> (Vec<Offset>, Vec<Offset>, Vec<Offset>) {
    let mut starts = vec![0; gaps.len() + 1];
    let mut ends = vec![0; gaps.len() + 1];
    let mut runs_before = vec![0; gaps.len() + 1];
    let mut runs = 0;
    let mut start = 0;
    for (&gap, runs_before) in gaps.iter().chain([&(length as Offset)]).zip(&mut runs_before) {
        starts[runs] = start;
        ends[runs] = gap;
        runs += usize::from(gap > start);
        start = gap + 1;
        *runs_before = runs as Offset;
    }
    starts.truncate(runs);
    ends.truncate(runs);
    (starts, ends, runs_before)
}

/// Split runs of word characters around each character of a script without spaces.
///
/// Return the starts and ends of the tokens, and the number of the first token of each run.
fn split_unseparated(
    classes: &[u16],
    run_starts: &[Offset],
    run_ends: &[Offset],
) -> (Vec<Offset>, Vec<Offset>, Vec<Offset>) {
    let mut starts = Vec::with_capacity(classes.len());
    let mut ends = Vec::with_capacity(classes.len());
    let mut first_tokens = Vec::with_capacity(run_starts.len() + 1);
    for (&run_start, &run_end) in run_starts.iter().zip(run_ends) {
        first_tokens.push(starts.len() as Offset);
        starts.push(run_start);
        // The classes of the last character that is no mark: a mark belongs to the token of the character before it.
        let up_to_start = &classes[..=run_start as usize];
        let mut base = up_to_start.iter().copied().rfind(|classes| classes & MARK == 0).unwrap_or(classes[0]);
        for offset in run_start + 1..run_end {
            let own = classes[offset as usize];
            if own & MARK != 0 {
                continue;
            }
            if (own | base) & UNSEPARATED != 0 {
                ends.push(offset);
                starts.push(offset);
            }
            base = own;
        }
        ends.push(run_end);
    }
    first_tokens.push(starts.len() as Offset);
    (starts, ends, first_tokens)
}

/// Return the gaps that end a sentence, ascending.
fn sentence_ends(text: &Gaps, joined_feeds: &[Offset], present: u16) -> Vec<Offset> {
    let classes_at = |offset: usize| text.classes.get(offset).copied().unwrap_or(TEXT_END);
    let mut ends = Vec::new();
    let mut any_unspaced = false;
    for terminator in rare_positions(text.gap_classes, |classes| classes & ANY_TERMINATOR != 0) {
        let mut following = text.offsets[terminator as usize] as usize + 1;
        for _ in 0..MAX_CLOSE_CHARACTERS {
            following += usize::from(classes_at(following) & CLOSE != 0);
        }
        let is_unspaced = text.gap_classes[terminator as usize] & UNSPACED_TERMINATOR != 0;
        if is_unspaced || classes_at(following) & AFTER_SENTENCE != 0 {
            ends.push(terminator);
        }
        any_unspaced |= is_unspaced;
    }
    if present & COMPLEX != 0 && !any_unspaced {
        ends.extend(phrase_ends(text, joined_feeds));
        ends.sort_unstable();
        ends.dedup();
    }
    ends
}

/// Return the gaps between phrases of complex-context scripts (Thai, Lao, Khmer, Burmese): spaces between two characters.
///
/// joined_feeds  offsets of the line feeds that do not end a line, ascending; they are not counted
fn phrase_ends(text: &Gaps, joined_feeds: &[Offset]) -> Vec<Offset> {
    let classes_at = |offset: usize| text.classes.get(offset).copied().unwrap_or(TEXT_END);
    let mut spaces = positions(text.gap_classes, |classes| classes & SPACE != 0);
    spaces.retain(|&gap| {
        let offset = text.offsets[gap as usize];
        let space = offset as usize;
        space > 0
            && text.classes[space - 1] & (COMPLEX | MARK) != 0
            && classes_at(space + 1) & COMPLEX != 0
            && joined_feeds.binary_search(&offset).is_err()
    });
    spaces
}

/// Return the segment and the sentence of each token, from the first token of each line and after each sentence end.
fn segments_and_sentences(
    count: usize,
    line_starts: &[Offset],
    sentence_starts: &[Offset],
) -> (Vec<Offset>, Vec<Offset>) {
    let mut starts_segment = vec![false; count + 1];
    let mut starts_sentence = vec![false; count + 1];
    for &token in line_starts {
        starts_segment[token as usize] = true;
        starts_sentence[token as usize] = true;
    }
    for &token in sentence_starts {
        starts_sentence[token as usize] = true;
    }
    (number_parts(&starts_segment[..count]), number_parts(&starts_sentence[..count]))
}

/// Number the parts of a sequence from 0, from the marks of their starts; a mark of the first element does not count.
fn number_parts(starts: &[bool]) -> Vec<Offset> {
    let mut number = 0;
    let numbers = starts.iter().enumerate().map(|(index, &starts)| {
        number += Offset::from(starts & (index > 0));
        number
    });
    numbers.collect()
}

/// Number the parts of sentences from the number of each token's sentence; None if no sentence is longer than a part.
fn split_long_sentences(sentences: &[Offset]) -> Option<Vec<Offset>> {
    let is_long = |(first, last): (&Offset, &Offset)| first == last;
    if !sentences.iter().zip(sentences.iter().skip(MAX_PART)).any(is_long) {
        return None;
    }
    let (mut previous, mut size, mut number) = (0, 0, 0);
    let part = |&sentence: &Offset| {
        let starts_part = sentence != previous || size == MAX_PART;
        number += Offset::from(starts_part);
        size = if starts_part { 1 } else { size + 1 };
        previous = sentence;
        number
    };
    Some(sentences.iter().map(part).collect())
}

/// Return whether each line contains a token, from the first token of each line but the first.
fn line_has_token(count: usize, line_starts: &[Offset]) -> Vec<bool> {
    let mut previous = 0;
    let has_token = line_starts.iter().copied().chain([count as Offset]).map(|start| {
        let has_token = start > previous;
        previous = start;
        has_token
    });
    has_token.collect()
}

/// Return the tokens of a shingle that starts with each token.
fn shingle_lengths(classes: &[u16], starts: &[Offset], present: u16) -> Vec<u8> {
    let mut length = WORDS_PER_SHINGLE;
    if present & VIETNAMESE != 0 {
        let letters = classes.iter().filter(|&classes| classes & VIETNAMESE != 0).count();
        if letters * TOKENS_PER_VIETNAMESE_LETTER >= starts.len() {
            length = SYLLABLES_PER_SHINGLE;
        }
    }
    let mut lengths = vec![length; starts.len()];
    if present & UNSEPARATED != 0 {
        for (length, &start) in lengths.iter_mut().zip(starts) {
            let first = classes[start as usize];
            if first & COMPLEX != 0 {
                *length = COMPLEX_PER_SHINGLE;
            } else if first & IDEOGRAPH != 0 {
                *length = IDEOGRAPHS_PER_SHINGLE;
            }
        }
    }
    lengths
}

/// Mark the tokens with a digit: for each digit, the last token that starts at or before it.
fn has_digit(classes: &[u16], starts: &[Offset], present: u16) -> Vec<bool> {
    let mut marks = vec![false; starts.len()];
    if present & DIGIT != 0 {
        let mut after = 0;
        for digit in rare_positions(classes, |classes| classes & DIGIT != 0) {
            after += starts[after..].iter().take_while(|&&start| start <= digit).count();
            marks[after - 1] = true;
        }
    }
    marks
}

/// Count ascending offsets, or ascending indexes of gaps, in each segment.
fn count_by_segment(offsets: &[Offset], line_ends: &[Offset], line_has_token: &[bool]) -> Vec<usize> {
    let mut counts = vec![0; line_has_token.len()];
    let mut line = 0;
    for &offset in offsets {
        line += line_ends[line..].iter().take_while(|&&end| end < offset).count();
        counts[line] += 1;
    }
    counts.into_iter().zip(line_has_token).filter(|(_, has_token)| **has_token).map(|(count, _)| count).collect()
}
