//! Conversion of text to code points and back. Mirrors `code_points.py`.
//!
//! A code point is a `u32`, not a `char`, because a Python string may contain lone surrogates.

use std::borrow::Cow;

/// Return the code points of a text in little-endian UTF-32. They are copied only if the bytes are not aligned.
pub fn to_code_points(utf32: &[u8]) -> Cow<'_, [u32]> {
    match bytemuck::try_cast_slice(utf32) {
        Ok(points) if cfg!(target_endian = "little") => Cow::Borrowed(points),
        _ => {
            let points = utf32.chunks_exact(4);
            points.map(|point| u32::from_le_bytes(point.try_into().expect("a chunk has four bytes"))).collect()
        }
    }
}

/// Return the code points of a string without surrogates.
pub fn str_to_code_points(text: &str) -> Vec<u32> {
    text.chars().map(u32::from).collect()
}

/// Encode code points like Python's `str.encode("utf-8", "surrogatepass")`: a lone surrogate has three bytes.
pub fn to_utf8(points: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(points.len());
    for &point in points {
        match char::from_u32(point) {
            Some(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {
                let surrogate = [0xE0 | point >> 12, 0x80 | point >> 6 & 0x3F, 0x80 | point & 0x3F];
                bytes.extend(surrogate.map(|byte| byte as u8));
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_of_code_points_is_utf8_of_the_text() {
        for text in ["", "plain", "Aubépierre, 三年 \u{10FFFF}"] {
            assert_eq!(to_utf8(&str_to_code_points(text)), text.as_bytes());
        }
    }

    #[test]
    fn a_lone_surrogate_has_three_bytes() {
        assert_eq!(to_utf8(&[0x61, 0xD800, 0xDFFF]), b"a\xED\xA0\x80\xED\xBF\xBF");
    }

    #[test]
    fn code_points_are_read_from_aligned_and_from_unaligned_bytes() {
        let bytes: Vec<u8> = [0_u32, 0x61, 0x10_FFFF, 0xD800].iter().flat_map(|point| point.to_le_bytes()).collect();
        for start in 0..4 {
            let mut shifted = vec![0; start];
            shifted.extend_from_slice(&bytes);
            assert_eq!(*to_code_points(&shifted[start..]), [0, 0x61, 0x10_FFFF, 0xD800]);
        }
    }
}
