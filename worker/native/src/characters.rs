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

/// Number of Unicode's code points.
const CODE_POINTS: usize = 0x11_0000;

/// The tables that Python makes, so that only Python's version of Unicode counts.
pub struct CharacterTables {
    classes: Box<[u16]>,
    normal_forms: Box<[NormalForm]>,
    white_space: Box<[u32]>,
}

/// The lower-case NFKC form of a code point, with the classes of that form.
#[derive(Clone, Copy)]
pub struct NormalForm {
    /// 0 if the form depends on context or has several characters.
    pub point: u32,
    pub classes: u16,
}

impl CharacterTables {
    /// Take Python's tables. Return None if a table has no entry for some code point.
    pub fn new(classes: Vec<u16>, normal_forms: Vec<u32>, mut white_space: Vec<u32>) -> Option<Self> {
        if classes.len() < CODE_POINTS || normal_forms.len() < CODE_POINTS {
            return None;
        }
        white_space.sort_unstable();
        let form = |point: u32| Some(NormalForm { point, classes: *classes.get(point as usize)? });
        Some(Self {
            normal_forms: normal_forms.into_iter().map(form).collect::<Option<_>>()?,
            classes: classes.into(),
            white_space: white_space.into(),
        })
    }

    /// Return the classes of a code point.
    pub fn char_classes(&self, point: u32) -> u16 {
        self.classes[point as usize]
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
