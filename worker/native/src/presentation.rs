//! Differences that a reader does not see. Mirrors `presentation.py`; texts with marks are left to its patterns.

use std::borrow::Cow;

use crate::characters::{CharacterTables, DIGIT};
use crate::offsets::rare_positions;

const MAX_ADDRESS: usize = 2000;

const TAB: u32 = '\t' as u32;
const LINE_FEED: u32 = '\n' as u32;
const SPACE: u32 = ' ' as u32;
const DOT: u32 = '.' as u32;
const COLON: u32 = ':' as u32;
const OPENING_BRACKET: u32 = '[' as u32;
const CLOSING_BRACKET: u32 = ']' as u32;
const OPENING_PARENTHESIS: u32 = '(' as u32;

/// Closing punctuation, which belongs to the sentence around an address.
const CLOSING: [char; 12] = ['.', ',', ';', ':', '!', '?', ')', ']', '\'', '’', '”', '»'];

/// An address: the offset of its first character, and that of the first character after its prefix.
struct Address {
    start: usize,
    rest: usize,
}

/// Remove addresses, and replace tabs if a text has more tabs than spaces. Return None if only Python can remove marks.
pub fn remove_presentation<'a>(text: &'a [u32], tables: &CharacterTables) -> Option<Cow<'a, [u32]>> {
    if may_have_marks(text, tables) {
        return None;
    }
    let mut result = Cow::Borrowed(text);
    for find in [addresses_with_scheme, addresses_without_scheme] {
        if let Some(without) = remove_addresses(&result, &find(&result), tables) {
            result = Cow::Owned(without);
        }
    }
    let count = |character: u32| result.iter().filter(|&&point| point == character).count();
    let tabs = count(TAB);
    if tabs > 0 && tabs > count(SPACE) {
        result.to_mut().iter_mut().filter(|point| **point == TAB).for_each(|point| *point = SPACE);
    }
    Some(result)
}

/// Return whether a text may have Markdown links, marks of footnotes or time codes: it has the first characters of one.
fn may_have_marks(text: &[u32], tables: &CharacterTables) -> bool {
    let point_at = |offset: usize| text.get(offset).copied().unwrap_or(0);
    let is_digit = |offset: usize| tables.normal_form(point_at(offset)).classes & DIGIT != 0;
    rare_positions(text, starts_mark).into_iter().any(|offset| {
        let next = offset as usize + 1;
        match text[offset as usize] {
            OPENING_BRACKET => is_digit(next),
            CLOSING_BRACKET => point_at(next) == OPENING_PARENTHESIS,
            LINE_FEED => is_digit(next) && (point_at(next + 1) == COLON || point_at(next + 2) == COLON),
            _ => true,
        }
    })
}

/// Return whether a code point is a line feed, a bracket, or in the blocks of the superscript digits.
fn starts_mark(point: u32) -> bool {
    let is_bracket = (point == OPENING_BRACKET) | (point == CLOSING_BRACKET);
    (point == LINE_FEED) | is_bracket | (point & !0xF == 0x2070) | (point & !1 == 0xB2) | (point == 0xB9)
}

fn addresses_with_scheme(text: &[u32]) -> Vec<Address> {
    let colons = rare_positions(text, |point| point == COLON).into_iter().map(|colon| colon as usize);
    let address = |colon: usize| {
        let (before, after) = text.split_at(colon);
        let scheme = ["https", "http"].into_iter().find(|scheme| ends_with(before, scheme))?;
        starts_with(after, "://").then_some(Address { start: colon - scheme.len(), rest: colon + 3 })
    };
    colons.filter_map(address).collect()
}

fn addresses_without_scheme(text: &[u32]) -> Vec<Address> {
    let dots = rare_positions(text, |point| point == DOT).into_iter().map(|dot| dot as usize);
    dots.filter(|&dot| ends_with(&text[..dot], "www")).map(|dot| Address { start: dot - 3, rest: dot + 1 }).collect()
}

fn starts_with(text: &[u32], prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.iter().copied().eq(prefix.chars().map(u32::from)))
}

fn ends_with(text: &[u32], suffix: &str) -> bool {
    text.len() >= suffix.len() && starts_with(&text[text.len() - suffix.len()..], suffix)
}

/// Remove addresses and the space behind each; None if the text has none.
fn remove_addresses(text: &[u32], addresses: &[Address], tables: &CharacterTables) -> Option<Vec<u32>> {
    let mut result = Vec::new();
    let mut kept = 0;
    for address in addresses {
        if address.start < kept {
            continue;
        }
        if let Some(end) = address_end(text, address.rest, tables) {
            result.extend_from_slice(&text[kept..address.start]);
            kept = end + usize::from(text.get(end) == Some(&SPACE));
        }
    }
    if kept == 0 {
        return None;
    }
    result.extend_from_slice(&text[kept..]);
    Some(result)
}

/// Return the end of an address, from the offset after its prefix; None if only closing punctuation follows.
fn address_end(text: &[u32], rest: usize, tables: &CharacterTables) -> Option<usize> {
    let is_inside = |point: u32| !tables.is_space(point) && !['<', '>', '"'].map(u32::from).contains(&point);
    let longest = text[rest..].iter().take(MAX_ADDRESS).take_while(|&&point| is_inside(point)).count();
    let last = text[rest..rest + longest].iter().rposition(|point| !CLOSING.map(u32::from).contains(point))?;
    Some(rest + last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code_points::str_to_code_points;

    const NO_BREAK_SPACE: u32 = 0xA0;

    fn tables() -> CharacterTables {
        let digit = |point: u32| char::from_u32(point).is_some_and(|character| character.is_ascii_digit());
        let classes = (0..0x11_0000).map(|point| if digit(point) { DIGIT } else { 0 }).collect();
        CharacterTables::new((0..0x11_0000).collect(), classes, vec![SPACE, LINE_FEED, TAB, NO_BREAK_SPACE]).unwrap()
    }

    #[test]
    fn addresses_are_removed_without_the_punctuation_behind_them() {
        for (text, expected) in [
            ("See https://site.example/a?b=2. It is", "See . It is"),
            ("(www.site.example/a), wwww.b c", "(), wc"),
            ("http:// and https://... and www.", "http:// and https://... and www."),
            ("httphttp://a b", "httpb"),
            ("a\tb\tc d", "a b c d"),
            ("a\tb c", "a\tb c"),
        ] {
            let removed = remove_presentation(&str_to_code_points(text), &tables()).unwrap().into_owned();
            assert_eq!(removed, str_to_code_points(expected), "{text}");
        }
    }

    #[test]
    fn marks_are_left_to_python() {
        for (text, has_marks) in [
            ("It rose[1].", true),
            ("a [link](/a)", true),
            ("met¹", true),
            ("a\n00:12 b", true),
            ("a\n1:12 b", true),
            ("It rose [sic] (1)", false),
            ("a\nb: c", false),
            ("10:45", false),
            ("1\n", false),
        ] {
            assert_eq!(remove_presentation(&str_to_code_points(text), &tables()).is_none(), has_marks, "{text}");
        }
    }
}
