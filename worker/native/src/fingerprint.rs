//! The fingerprint of a text: content hash and signature. Mirrors `fingerprint.py`.

use blake2b_simd::Params;

use crate::characters::CharacterTables;
use crate::code_points::to_utf8;
use crate::line_unwrapping::join_wrapped_lines;
use crate::normalisation::{Normalised, normalise};
use crate::phrases::PhraseMatcher;
use crate::presentation::remove_presentation;
use crate::prose_filter::{keep_prose, word_weight};
use crate::shingles::hash_shingles;
use crate::signature::{Permutation, Signature, make_signature};
use crate::tokens::{Tokens, tokenise};

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
    /// Remove the presentation of a text, join its wrapped lines and normalise it; None if only Python can do so.
    pub fn prepare(&self, text: &[u32]) -> Option<Normalised> {
        let text = remove_presentation(text, &self.tables)?;
        let joined = join_wrapped_lines(&text, &self.tables);
        normalise(joined.as_deref().unwrap_or(&text), &self.replacements, &self.tables)
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

/// Hash the kept words in order; all words if less than half of them are kept; all characters if there is no word.
fn content_hash(tokens: &Tokens, kept: &[bool]) -> [u8; CONTENT_HASH_BYTES] {
    let weights = || tokens.shingle_lengths.iter().map(|&length| word_weight(length));
    let total: usize = weights().sum();
    let kept_total: usize = weights().zip(kept).map(|(weight, &kept)| weight * usize::from(kept)).sum();
    let all = 2 * kept_total < total;
    let mut content: Vec<u8> = Vec::with_capacity(8 * kept.len());
    for (hash, _) in tokens.hashes.iter().zip(kept).filter(|(_, kept)| all | **kept) {
        content.extend_from_slice(&hash.to_le_bytes());
    }
    if content.is_empty() {
        content = to_utf8(&tokens.characters);
    }
    let hash = Params::new().hash_length(CONTENT_HASH_BYTES).personal(b"reprise.content").hash(&content);
    *hash.as_bytes().first_chunk().expect("the hash has CONTENT_HASH_BYTES bytes")
}
