//! Normalisation. Mirrors `normalisation.py`; texts that need context are normalised there.

use crate::characters::CharacterTables;

/// A normalised text; the fields are those of Python's `Normalised`.
pub struct Normalised {
    pub characters: Vec<u32>,
    pub classes: Vec<u16>,
}

/// Return the folded form of a text; None if a form depends on context, so that Python must normalise the text.
pub fn normalise(text: &[u32], replacements: &[(u32, Vec<u32>)], tables: &CharacterTables) -> Option<Normalised> {
    let mut characters = vec![0; text.len()];
    let mut classes = vec![0; text.len()];
    let mut complete = true;
    for ((&point, character), char_classes) in text.iter().zip(&mut characters).zip(&mut classes) {
        let form = tables.normal_form(point);
        (*character, *char_classes) = (form.point, form.classes);
        complete &= form.point != 0;
    }
    if complete {
        return Some(Normalised { characters, classes });
    }
    let replaced = replace(text, replacements)?;
    normalise(&replaced, &[], tables)
}

/// Replace characters by several; None if the text contains none of them.
fn replace(text: &[u32], replacements: &[(u32, Vec<u32>)]) -> Option<Vec<u32>> {
    let replacement = |point: u32| replacements.iter().find(|(character, _)| *character == point);
    if !text.iter().any(|&point| replacement(point).is_some()) {
        return None;
    }
    let mut replaced = Vec::with_capacity(text.len());
    for &point in text {
        match replacement(point) {
            Some((_, characters)) => replaced.extend_from_slice(characters),
            None => replaced.push(point),
        }
    }
    Some(replaced)
}
