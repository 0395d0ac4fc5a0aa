//! The fingerprint of a text: content hash and signature. Mirrors `fingerprint.py`.

use blake2b_simd::Params;

use crate::characters::CharacterTables;
use crate::code_points::to_utf8;
use crate::line_unwrapping::join_wrapped_lines;
use crate::phrases::PhraseMatcher;
use crate::prose_filter::keep_prose;
use crate::shingles::hash_shingles;
use crate::signature::{Permutation, Signature, make_signature};
use crate::tokens::{Normalised, Tokens, normalise, tokenise};

const CONTENT_HASH_BYTES: usize = 16;

/// The text step with the tables and constants that Python makes.
pub struct TextStep {
    pub tables: CharacterTables,
    pub replacements: Vec<(u32, Vec<u32>)>,
    pub legal_phrases: PhraseMatcher,
    pub sketch_size: usize,
}

/// The content hash of a text, and its signature if a token is kept.
pub struct Fingerprint {
    pub content_hash: [u8; CONTENT_HASH_BYTES],
    pub signature: Option<Signature>,
}

impl TextStep {
    /// Join the wrapped lines of a text and normalise it; None if only Python can normalise it.
    pub fn prepare(&self, text: &[u32]) -> Option<Normalised> {
        let joined = join_wrapped_lines(text, &self.tables);
        normalise(joined.as_deref().unwrap_or(text), &self.replacements, &self.tables)
    }

    /// Add the character classes to a text that Python normalised.
    pub fn classify(&self, characters: Vec<u32>) -> Normalised {
        Normalised { classes: characters.iter().map(|&point| self.tables.char_classes(point)).collect(), characters }
    }

    /// Return the fingerprint of a normalised text.
    pub fn fingerprint(&self, text: Normalised, min_words: usize, permutations: &[Permutation]) -> Fingerprint {
        let tokens = tokenise(text);
        let kept = keep_prose(&tokens, min_words, &self.legal_phrases);
        let shingles = hash_shingles(&tokens, &kept);
        Fingerprint {
            content_hash: content_hash(&tokens, &kept),
            signature: shingles.map(|shingles| make_signature(&shingles, permutations, self.sketch_size)),
        }
    }
}

/// Hash the kept words in order; all words if none is kept; all characters if there is no word.
fn content_hash(tokens: &Tokens, kept: &[bool]) -> [u8; CONTENT_HASH_BYTES] {
    let mut content: Vec<u8> = Vec::with_capacity(8 * kept.len());
    for (hash, _) in tokens.hashes.iter().zip(kept).filter(|(_, kept)| **kept) {
        content.extend_from_slice(&hash.to_le_bytes());
    }
    if content.is_empty() {
        content = tokens.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    }
    if content.is_empty() {
        content = to_utf8(&tokens.characters);
    }
    let hash = Params::new().hash_length(CONTENT_HASH_BYTES).personal(b"reprise.content").hash(&content);
    *hash.as_bytes().first_chunk().expect("the hash has CONTENT_HASH_BYTES bytes")
}
