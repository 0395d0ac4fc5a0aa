//! Offsets into texts and into lists of tokens.
//!
//! A branch that the processor predicts wrongly takes as long as ten operations, and a page has a thousand words.
//! Therefore loops over characters and tokens store each value and then advance by 0 or 1.

/// An offset. No text has 2**32 characters.
pub type Offset = u32;

/// Values that are searched at once.
const BLOCK: usize = 16;

/// Return the offsets of the values that fulfil a condition, as numpy's `nonzero` does.
pub fn positions<T: Copy>(values: &[T], condition: impl Fn(T) -> bool) -> Vec<Offset> {
    let mut found = vec![0; values.len()];
    let mut count = 0;
    for (offset, &value) in values.iter().enumerate() {
        found[count] = offset as Offset;
        count += usize::from(condition(value));
    }
    found.truncate(count);
    found
}

/// Return the same as `positions`, faster if most blocks contain no value that fulfils the condition.
pub fn rare_positions<T: Copy>(values: &[T], condition: impl Fn(T) -> bool) -> Vec<Offset> {
    let mut found = Vec::new();
    let blocks = values.chunks_exact(BLOCK);
    let rest = blocks.remainder();
    let mut offset = 0;
    for block in blocks {
        let block: &[T; BLOCK] = block.try_into().expect("an exact chunk");
        let marks = block.map(&condition);
        if marks.iter().fold(false, |any, mark| any | mark) {
            let mut bits = (0..BLOCK).fold(0_u32, |bits, index| bits | u32::from(marks[index]) << index);
            while bits != 0 {
                found.push(offset + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        offset += BLOCK as Offset;
    }
    found.extend((offset..).zip(rest).filter(|&(_, &value)| condition(value)).map(|(offset, _)| offset));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_cross_blocks() {
        let values: Vec<usize> = (0..200).collect();
        for modulus in [2, 5, 63] {
            let expected: Vec<Offset> = (0..200).filter(|value| value % modulus == 0).collect();
            assert_eq!(positions(&values, |value| value % modulus as usize == 0), expected);
            assert_eq!(rare_positions(&values[..199], |value| value % modulus as usize == 0), expected);
        }
    }
}
