//! Offsets into texts and into lists of tokens.
//!
//! A branch that the processor predicts wrongly takes as long as ten operations, and a page has a thousand words.
//! Therefore loops over characters and tokens store each value and then advance by 0 or 1.

/// An offset. No text has 2**32 characters.
pub type Offset = u32;

/// Offsets that are copied at once.
const BLOCK: usize = 64;

/// Values that are searched at once: most blocks of so few contain none of the rare values.
const RARE_BLOCK: usize = 16;

/// Return the offsets of the values that fulfil a condition, as numpy's `nonzero` does.
pub fn positions<T: Copy>(values: &[T], condition: impl Fn(T) -> bool) -> Vec<Offset> {
    let mut found = Vec::with_capacity(values.len() / 4);
    let mut block = [0; BLOCK];
    let mut offset = 0;
    for values in values.chunks(BLOCK) {
        let mut count = 0;
        for &value in values {
            block[count % BLOCK] = offset;
            count += usize::from(condition(value));
            offset += 1;
        }
        found.extend_from_slice(&block[..count]);
    }
    found
}

/// Return the same as `positions`, faster if most blocks contain no value that fulfils the condition.
pub fn rare_positions<T: Copy>(values: &[T], condition: impl Fn(T) -> bool) -> Vec<Offset> {
    let mut found = Vec::new();
    for (number, values) in values.chunks(RARE_BLOCK).enumerate() {
        if values.iter().fold(false, |any, &value| any | condition(value)) {
            let offsets = (number * RARE_BLOCK) as Offset..;
            found.extend(offsets.zip(values).filter(|&(_, &value)| condition(value)).map(|(offset, _)| offset));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_cross_blocks() {
        let values: Vec<usize> = (0..200).collect();
        assert_eq!(positions(&values, |value| value % 63 == 0), [0, 63, 126, 189]);
        assert_eq!(rare_positions(&values, |value| value % 63 == 0), [0, 63, 126, 189]);
        assert_eq!(positions(&values, |_| true).len(), values.len());
    }
}
