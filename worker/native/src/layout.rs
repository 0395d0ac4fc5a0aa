//! The ends of lines that separate segments. Mirrors `layout.py`, which explains the rules.
//!
//! Python finds them in several texts at once; here in one text.

use crate::characters::{BREAK, CLOSE, COMPLEX, DIGIT, IDEOGRAPH, LOWER, SPACE, TERMINATOR, UPPER, WORD};
use crate::offsets::Offset;

const MAX_CLOSE: usize = 3;
const MIN_LINE: Offset = 20;
const MIN_LINE_UNSEPARATED: Offset = 8;
const MAX_AFTER_PUNCTUATION: Offset = 3;
const PUNCTUATION: [u32; 4] = [',' as u32, ';' as u32, '،' as u32, '؛' as u32];

const LINE_FEED: u32 = '\n' as u32;
const CASE_OR_DIGIT: u16 = LOWER | UPPER | DIGIT;
const UPPER_OR_DIGIT: u16 = UPPER | DIGIT;
const UNSEPARATED: u16 = IDEOGRAPH | COMPLEX;

/// A text without ignorable characters, and its characters that are no word characters.
pub struct Gaps<'a> {
    pub characters: &'a [u32],
    pub classes: &'a [u16],
    /// The offsets of the gaps, and the classes of each.
    pub offsets: &'a [Offset],
    pub gap_classes: &'a [u16],
}

/// The gaps that end a line, ascending, and the offsets of the line feeds that do not.
pub struct LineEnds {
    pub line_ends: Vec<Offset>,
    pub joined_feeds: Vec<Offset>,
}

/// A run of white space: of several characters, or of one that is a line end or a tab.
struct Run {
    first_gap: Offset,
    start: Offset,
    end: Offset,
    line_feeds: Offset,
    has_break: bool,
}

/// Find the gaps that end a line. Gaps are numbered from 0.
pub fn find_line_ends(text: &Gaps) -> LineEnds {
    let mut line_ends = possible_line_ends(text);
    let runs = find_runs(text, &line_ends);
    let with_feed: Vec<&Run> = runs.iter().filter(|run| run.line_feeds > 0).collect();
    let wide: Vec<&Run> = runs.iter().filter(|run| run.end - run.start > 1 && !run.has_break).collect();
    let mut joined = with_feed.clone();
    retain_marked(&mut joined, &join_lines(text, &with_feed));
    let mut joined_wide = wide.clone();
    if !wide.is_empty() {
        let others = runs.iter().filter(|run| run.end - run.start > 1 || run.line_feeds > 0).count();
        let single_count = count_runs(text) - others;
        retain_marked(&mut joined_wide, &join_words(text, &wide, single_count));
    }
    let mut joined_feeds = Vec::new();
    for run in &joined {
        let feeds = (run.start..run.end).filter(|&offset| text.characters[offset as usize] == LINE_FEED);
        joined_feeds.extend(feeds);
    }
    joined.extend(joined_wide);
    joined.sort_unstable_by_key(|run| run.start);
    remove_runs(&mut line_ends, &joined);
    LineEnds { line_ends, joined_feeds }
}

fn retain_marked(runs: &mut Vec<&Run>, marks: &[bool]) {
    let mut marks = marks.iter();
    runs.retain(|_| *marks.next().expect("each run has a mark"));
}

/// Return the gaps that are line ends, tabs, or white space after other white space.
fn possible_line_ends(text: &Gaps) -> Vec<Offset> {
    let mut ends = vec![0; text.offsets.len()];
    let mut count = 0;
    let (mut previous_gap, mut previous_space) = (0, 0);
    for ((&gap, &classes), index) in text.offsets.iter().zip(text.gap_classes).zip(0..) {
        let space = classes & SPACE;
        let after_space = (space & previous_space != 0) & (gap == previous_gap + 1);
        ends[count] = index;
        count += usize::from((classes & BREAK != 0) | after_space);
        (previous_gap, previous_space) = (gap, space);
    }
    ends.truncate(count);
    ends
}

/// Return the runs of white space that contain a possible line end.
fn find_runs(text: &Gaps, possible: &[Offset]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(possible.len());
    for &gap in possible {
        if text.gap_classes[gap as usize] & SPACE == 0 {
            continue;
        }
        let first_gap = gap - Offset::from(follows_space(text, gap as usize));
        match runs.last_mut() {
            Some(run) if first_gap < gap && run.first_gap + (run.end - run.start) == gap => run.extend(text, gap),
            _ => {
                let start = text.offsets[first_gap as usize];
                let mut run = Run { first_gap, start, end: start, line_feeds: 0, has_break: false };
                (first_gap..=gap).for_each(|gap| run.extend(text, gap));
                runs.push(run);
            }
        }
    }
    runs
}

impl Run {
    /// Add the next gap.
    fn extend(&mut self, text: &Gaps, gap: Offset) {
        self.line_feeds += Offset::from(text.characters[self.end as usize] == LINE_FEED);
        self.has_break |= text.gap_classes[gap as usize] & BREAK != 0;
        self.end += 1;
    }
}

/// Return whether a gap that is white space follows other white space.
fn follows_space(text: &Gaps, gap: usize) -> bool {
    gap > 0 && text.gap_classes[gap - 1] & SPACE != 0 && text.offsets[gap - 1] + 1 == text.offsets[gap]
}

/// Count the runs of white space in a text.
fn count_runs(text: &Gaps) -> usize {
    let is_start = |&gap: &usize| (text.gap_classes[gap] & SPACE != 0) & !follows_space(text, gap);
    (0..text.offsets.len()).filter(is_start).count()
}

/// Remove the gaps of ascending runs from ascending gaps.
fn remove_runs(gaps: &mut Vec<Offset>, runs: &[&Run]) {
    let mut runs = runs.iter().peekable();
    gaps.retain(|&gap| {
        while runs.next_if(|run| run.first_gap + (run.end - run.start) <= gap).is_some() {}
        runs.peek().is_none_or(|run| gap < run.first_gap)
    });
}

/// Mark the runs of several spaces that stand for one space.
///
/// single_count  runs of one space in the text
fn join_words(text: &Gaps, runs: &[&Run], single_count: usize) -> Vec<bool> {
    let is_inline = |run: &Run| run.start > 0 && (run.end as usize) < text.characters.len();
    let is_wide_layout = runs.iter().filter(|run| is_inline(run)).count() >= single_count;
    let joins = |run: &&Run| {
        if !is_inline(run) {
            return false;
        }
        let (start, before) = (run.start as usize, run.start as usize - 1);
        let size = run.end - run.start;
        let after_comma = size <= MAX_AFTER_PUNCTUATION && PUNCTUATION.contains(&text.characters[before]);
        let is_pair = size == 2 && text.characters[start] != text.characters[start + 1];
        let begins = text.classes[run.end as usize];
        let continues = text.classes[before] & begins & WORD != 0 && begins & UPPER_OR_DIGIT == 0;
        is_wide_layout || after_comma || (is_pair && continues)
    };
    runs.iter().map(joins).collect()
}

/// A run with a line feed, and the properties of the lines on both sides.
struct LineBreak {
    /// Classes of the first character of the next line.
    begins: u16,
    has_neighbours: bool,
    ends_sentence: bool,
    is_blank: bool,
    is_long: bool,
    is_long_before: bool,
}

impl LineBreak {
    fn is_open(&self) -> bool {
        self.has_neighbours && !self.ends_sentence
    }

    /// Return whether the next line begins with a small letter and continues the sentence.
    fn is_small(&self) -> bool {
        self.is_open() && self.begins & LOWER != 0
    }

    fn is_word(&self) -> bool {
        self.begins & WORD != 0
    }

    /// Return whether the line continues the line before it, from whether the runs on both sides do.
    fn is_inside_sentence(&self, small_before: bool, small_after: bool) -> bool {
        let has_case = self.begins & CASE_OR_DIGIT != 0;
        let beside_small = has_case && (small_before && self.is_long_before || small_after);
        let is_long_without_case = !has_case && self.is_long;
        self.is_small() || self.is_open() && !self.is_blank && self.is_word() && (beside_small || is_long_without_case)
    }

    /// Return whether the line is the next sentence of a paragraph if the lines on both sides are joined.
    fn may_be_next_sentence(&self) -> bool {
        self.has_neighbours && self.ends_sentence && self.is_word() && !self.is_blank
    }
}

/// Mark the runs with a line feed that stand inside a paragraph.
fn join_lines(text: &Gaps, runs: &[&Run]) -> Vec<bool> {
    let breaks: Vec<LineBreak> = (0..runs.len()).map(|index| line_break(text, runs, index)).collect();
    let small: Vec<bool> = breaks.iter().map(LineBreak::is_small).collect();
    let inside = |(index, line_break): (usize, &LineBreak)| {
        let (before, after) = neighbours(&small, index);
        line_break.is_inside_sentence(before, after)
    };
    let joined: Vec<bool> = breaks.iter().enumerate().map(inside).collect();
    let inside_paragraph = |(index, line_break): (usize, &LineBreak)| {
        let (before, after) = neighbours(&joined, index);
        joined[index] || line_break.may_be_next_sentence() && before && after
    };
    breaks.iter().enumerate().map(inside_paragraph).collect()
}

fn line_break(text: &Gaps, runs: &[&Run], index: usize) -> LineBreak {
    let run = runs[index];
    let line_start = if index > 0 { runs[index - 1].end } else { 0 };
    let line_end = runs.get(index + 1).map_or(text.characters.len() as Offset, |next| next.start);
    let (length_before, length_after) = (run.start - line_start, line_end - run.end);
    let begins = first_beyond_close(text.classes, run.end.into(), 1);
    let min_length = if begins & UNSEPARATED != 0 { MIN_LINE_UNSEPARATED } else { MIN_LINE };
    LineBreak {
        begins,
        has_neighbours: length_before > 0 && length_after > 0,
        ends_sentence: first_beyond_close(text.classes, i64::from(run.start) - 1, -1) & TERMINATOR != 0,
        is_blank: run.line_feeds > 1,
        is_long: length_before.min(length_after) >= min_length,
        is_long_before: length_before >= MIN_LINE,
    }
}

/// Return the classes of the first character that is no quote or bracket, in the direction of `step`.
fn first_beyond_close(classes: &[u16], mut offset: i64, step: i64) -> u16 {
    let classes_at = |offset: i64| classes[offset.clamp(0, classes.len() as i64 - 1) as usize];
    let mut found = classes_at(offset);
    for _ in 0..MAX_CLOSE {
        if found & CLOSE == 0 {
            break;
        }
        offset += step;
        found = classes_at(offset);
    }
    found
}

/// Return the marks before and after an index.
fn neighbours(marks: &[bool], index: usize) -> (bool, bool) {
    (index > 0 && marks[index - 1], marks.get(index + 1).copied().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_points::str_to_code_points;
    use crate::offsets::positions;

    fn classes_of(character: char) -> u16 {
        match character {
            '\n' | '\t' => BREAK | SPACE,
            ' ' | '\u{a0}' => SPACE,
            '.' => TERMINATOR,
            '"' => CLOSE,
            'a'..='z' => WORD | LOWER,
            'A'..='Z' => WORD | UPPER,
            _ => 0,
        }
    }

    /// Return a text with its line ends replaced by slashes, and the number of line feeds that are none.
    fn mark_line_ends(text: &str) -> (String, usize) {
        let classes: Vec<u16> = text.chars().map(classes_of).collect();
        let gaps = positions(&classes, |classes| classes & WORD == 0);
        let gap_classes: Vec<u16> = gaps.iter().map(|&gap| classes[gap as usize]).collect();
        let characters = str_to_code_points(text);
        let found = find_line_ends(&Gaps {
            characters: &characters,
            classes: &classes,
            offsets: &gaps,
            gap_classes: &gap_classes,
        });
        let offsets: Vec<usize> = found.line_ends.iter().map(|&gap| gaps[gap as usize] as usize).collect();
        let marked = text.chars().enumerate().map(|(at, own)| if offsets.contains(&at) { '/' } else { own });
        (marked.collect(), found.joined_feeds.len())
    }

    #[test]
    fn a_line_with_a_small_letter_continues_a_sentence() {
        assert_eq!(mark_line_ends("One\ntwo. Three\nFour"), ("One\ntwo. Three/Four".into(), 1));
        assert_eq!(mark_line_ends("One.\ntwo \n\"three"), ("One./two \n\"three".into(), 1));
        assert_eq!(mark_line_ends("One\n\n two\n"), ("One\n\n two/".into(), 2));
    }

    #[test]
    fn the_next_sentence_of_a_paragraph_is_joined() {
        assert_eq!(mark_line_ends("One\ntwo.\nThree\nfour"), ("One\ntwo.\nThree\nfour".into(), 3));
    }

    #[test]
    fn several_spaces_separate_columns_unless_most_gaps_are_such() {
        assert_eq!(mark_line_ends("One two three  four").0, "One two three /four");
        assert_eq!(mark_line_ends("One  two   three four").0, "One  two   three four");
    }

    #[test]
    fn spaces_after_a_comma_and_pairs_within_a_sentence_are_one_space() {
        let text = "One two three,  four five six \u{a0}seven \u{a0}Eight";
        assert_eq!(mark_line_ends(text).0, "One two three,  four five six \u{a0}seven /Eight");
    }
}
