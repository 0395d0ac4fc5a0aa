//! The classes of code points, and the tables made from Unicode's data. Mirrors `characters.py`, which makes the tables.

pub const WORD: u16 = 1;
pub const MARK: u16 = 2;
pub const IDEOGRAPH: u16 = 4;
pub const COMPLEX: u16 = 8;
pub const BREAK: u16 = 16;
pub const SPACE: u16 = 32;
pub const TERMINATOR: u16 = 64;
pub const UNSPACED_TERMINATOR: u16 = 128;
pub const CLOSE: u16 = 256;
pub const IGNORABLE: u16 = 512;
pub const MENU_SEPARATOR: u16 = 1024;
pub const TEXT_END: u16 = 2048;
pub const DIGIT: u16 = 4096;
pub const LOWER: u16 = 8192;
pub const UPPER: u16 = 16384;
pub const VIETNAMESE: u16 = 32768;

/// Number of Unicode's code points.
const CODE_POINTS: usize = 0x11_0000;

/// The tables that Python makes, so that only Python's version of Unicode counts.
pub struct CharacterTables {
    normal_forms: Box<[NormalForm]>,
    white_space: Box<[u32]>,
}

/// The folded form of a code point, with the classes of that form and the case of the code point.
#[derive(Clone, Copy)]
pub struct NormalForm {
    /// 0 if the form depends on context or has several characters.
    pub point: u32,
    pub classes: u16,
}

impl CharacterTables {
    /// Take Python's tables. Return None if a table has not one entry for each code point.
    pub fn new(normal_forms: Vec<u32>, source_classes: Vec<u16>, mut white_space: Vec<u32>) -> Option<Self> {
        if normal_forms.len() != CODE_POINTS || source_classes.len() != CODE_POINTS {
            return None;
        }
        white_space.sort_unstable();
        let form = |(point, classes)| NormalForm { point, classes };
        Some(Self {
            normal_forms: normal_forms.into_iter().zip(source_classes).map(form).collect(),
            white_space: white_space.into(),
        })
    }

    /// Return the normal form of a code point.
    pub fn normal_form(&self, point: u32) -> NormalForm {
        self.normal_forms[point as usize]
    }

    /// Return whether Python's `str.isspace` is true for a code point.
    pub fn is_space(&self, point: u32) -> bool {
        self.white_space.binary_search(&point).is_ok()
    }
}
