//! Hard-wrapped text. Mirrors `line_unwrapping.py`, which explains the thresholds.

use crate::characters::CharacterTables;
use crate::offsets::{Offset, rare_positions};

const MIN_WIDTH: usize = 40;
const MAX_WIDTH: usize = 120;
const MIN_FULL_SHARE: f64 = 0.6;
const MAX_OVERLONG_SHARE: f64 = 0.05;
const MIN_LINE_ENDS: usize = 3;

const LINE_FEED: u32 = '\n' as u32;
const SPACE: u32 = ' ' as u32;

/// Join the lines of each paragraph if the text is hard-wrapped; else return None.
pub fn join_wrapped_lines(text: &[u32], tables: &CharacterTables) -> Option<Vec<u32>> {
    let mut lengths = line_lengths(text);
    if lengths.len() <= MIN_LINE_ENDS {
        return None;
    }
    let overlong = (MAX_OVERLONG_SHARE * lengths.len() as f64) as usize;
    // Most texts are not hard-wrapped, which a count shows without sorting.
    let width_is_at_least = |minimum: usize| lengths.iter().filter(|&&length| length >= minimum).count() > overlong;
    if !width_is_at_least(MIN_WIDTH) || width_is_at_least(MAX_WIDTH + 1) {
        return None;
    }
    let index = lengths.len() - 1 - overlong;
    let width = *lengths.select_nth_unstable(index).1;
    join_if_full(text, width, tables)
}

/// Join the lines of each paragraph if enough of them are full.
fn join_if_full(text: &[u32], width: usize, tables: &CharacterTables) -> Option<Vec<u32>> {
    let lines: Vec<&[u32]> = text.split(|&point| point == LINE_FEED).collect();
    let joined: Vec<bool> = lines.windows(2).map(|pair| continues(pair[0], pair[1], tables)).collect();
    let continuations = joined.iter().filter(|&&joined| joined).count();
    let full =
        lines.windows(2).zip(&joined).filter(|(pair, joined)| **joined && is_full(pair[0], pair[1], width)).count();
    if continuations < MIN_LINE_ENDS || (full as f64) < MIN_FULL_SHARE * continuations as f64 {
        return None;
    }
    let mut result = Vec::with_capacity(text.len());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            result.push(if joined[index - 1] { SPACE } else { LINE_FEED });
        }
        result.extend_from_slice(strip_end(line, tables));
    }
    Some(result)
}

/// Return the characters of each line.
fn line_lengths(text: &[u32]) -> Vec<usize> {
    let breaks = rare_positions(text, |point| point == LINE_FEED);
    let mut start = 0;
    let mut lengths = Vec::with_capacity(breaks.len() + 1);
    for end in breaks.into_iter().chain([text.len() as Offset]) {
        lengths.push((end - start) as usize);
        start = end + 1;
    }
    lengths
}

/// Return whether the first word of the next line did not fit into the line.
fn is_full(line: &[u32], following: &[u32], width: usize) -> bool {
    let word = following.iter().position(|&point| point == SPACE).unwrap_or(following.len());
    line.len() + if word < MIN_WIDTH { 1 + word } else { 1 } > width
}

/// Return whether the next line belongs to the same paragraph.
fn continues(line: &[u32], following: &[u32], tables: &CharacterTables) -> bool {
    !strip_end(line, tables).is_empty() && following.first().is_some_and(|&point| !tables.is_space(point))
}

/// Return a line without the white space at its end, like Python's `str.rstrip`.
fn strip_end<'a>(line: &'a [u32], tables: &CharacterTables) -> &'a [u32] {
    let last = line.iter().rposition(|&point| !tables.is_space(point));
    &line[..last.map_or(0, |last| last + 1)]
}
