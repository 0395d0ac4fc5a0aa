//! The module `reprise.dedup.text._native`; `_native.pyi` describes it for Python.

use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};

use crate::characters::CharacterTables;
use crate::code_points::{str_to_code_points, to_code_points};
use crate::fingerprint::{Fingerprint, TextStep};
use crate::normalisation::Normalised;
use crate::phrases::compile_phrases;
use crate::signature::Permutation;

/// The same as TEXT_VERSION in `version.py`: Python does not use a module built for another version.
const TEXT_VERSION: u32 = 4;

/// Bytes of UTF-32 processed at once. It bounds the memory for a batch of huge texts, and the time without Python's
/// lock between two returns.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Maximum bytes of a text in UTF-32: with the growth by normalisation, offsets fit into 32 bits.
const MAX_TEXT_BYTES: usize = 1 << 31;

/// Content hash and signature.
type PythonFingerprint<'py> = (Bound<'py, PyBytes>, Option<PythonSignature<'py>>);

/// Rows, sketch, sentence ids, shingle count and word count.
type PythonSignature<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, usize, usize);

/// The text step with the tables and the permutations that Python makes.
#[pyclass(frozen, module = "reprise.dedup.text._native")]
struct TextSigner {
    step: Arc<TextStep>,
    permutations: Vec<Permutation>,
    prepare: Py<PyAny>,
}

#[pymethods]
impl TextSigner {
    #[new]
    #[pyo3(signature = (*, normal_forms, source_classes, white_space, replacements, legal_phrases, multipliers, offsets,
        sketch_size, prepare))]
    #[allow(clippy::too_many_arguments, reason = "all are keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        normal_forms: PyBuffer<u32>,
        source_classes: PyBuffer<u16>,
        white_space: &str,
        replacements: Vec<(char, String)>,
        legal_phrases: Vec<String>,
        multipliers: PyBuffer<u32>,
        offsets: PyBuffer<u32>,
        sketch_size: usize,
        prepare: Py<PyAny>,
    ) -> PyResult<Self> {
        let (forms, classes) = (normal_forms.to_vec(py)?, source_classes.to_vec(py)?);
        Ok(Self {
            step: Arc::new(TextStep {
                tables: CharacterTables::new(forms, classes, str_to_code_points(white_space))
                    .ok_or_else(|| PyValueError::new_err("a table must have an entry for each code point"))?,
                replacements: replacements
                    .into_iter()
                    .map(|(character, replacement)| (character.into(), str_to_code_points(&replacement)))
                    .collect(),
                legal_phrases: compile_phrases(legal_phrases.iter().map(|it| str_to_code_points(it)).collect())
                    .ok_or_else(|| PyValueError::new_err("a phrase must have 1 character, or 4 or more"))?,
                sketch_size,
            }),
            permutations: to_permutations(py, &multipliers, &offsets)?,
            prepare,
        })
    }

    /// Return a text step with other permutations that shares the tables.
    #[pyo3(signature = (*, multipliers, offsets))]
    fn with_permutations(&self, py: Python<'_>, multipliers: PyBuffer<u32>, offsets: PyBuffer<u32>) -> PyResult<Self> {
        Ok(Self {
            step: Arc::clone(&self.step),
            permutations: to_permutations(py, &multipliers, &offsets)?,
            prepare: self.prepare.clone_ref(py),
        })
    }

    /// Fingerprint texts, each with the minimum words of a segment.
    fn fingerprint_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<(Bound<'py, PyString>, usize)>,
    ) -> PyResult<Vec<PythonFingerprint<'py>>> {
        let encode = intern!(py, "encode");
        let encoding = ("utf-32-le", "surrogatepass").into_pyobject(py)?;
        let mut fingerprints = Vec::with_capacity(texts.len());
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        for (number, (text, min_words)) in texts.iter().enumerate() {
            let utf32: PyBackedBytes = text.call_method1(encode, &encoding)?.extract()?;
            if utf32.len() > MAX_TEXT_BYTES {
                return Err(PyOverflowError::new_err("the text is too long"));
            }
            batch_bytes += utf32.len();
            batch.push((utf32, *min_words));
            if batch_bytes >= MAX_BATCH_BYTES || number + 1 == texts.len() {
                let found = py.detach(|| self.fingerprint_utf32(&batch));
                for (fingerprint, (text, min_words)) in found.into_iter().zip(&texts[fingerprints.len()..]) {
                    fingerprints.push(match fingerprint {
                        Some(fingerprint) => to_python(py, &fingerprint),
                        None => to_python(py, &self.prepare_and_fingerprint(text, *min_words)?),
                    });
                }
                batch.clear();
                batch_bytes = 0;
            }
        }
        Ok(fingerprints)
    }
}

impl TextSigner {
    /// Fingerprint texts in UTF-32; None for a text that only Python can prepare.
    fn fingerprint_utf32(&self, texts: &[(PyBackedBytes, usize)]) -> Vec<Option<Fingerprint>> {
        let fingerprint = |(utf32, min_words): &(PyBackedBytes, usize)| {
            Some(self.step.fingerprint(self.step.prepare(&to_code_points(utf32))?, *min_words, &self.permutations))
        };
        texts.iter().map(fingerprint).collect()
    }

    /// Fingerprint a text that Python prepares.
    fn prepare_and_fingerprint(&self, text: &Bound<'_, PyString>, min_words: usize) -> PyResult<Fingerprint> {
        let py = text.py();
        let (characters, classes): (PyBuffer<u32>, PyBuffer<u16>) = self.prepare.bind(py).call1((text,))?.extract()?;
        let normalised = Normalised { characters: characters.to_vec(py)?, classes: classes.to_vec(py)? };
        if normalised.characters.len() != normalised.classes.len() {
            return Err(PyValueError::new_err("a normalised text must have classes for each character"));
        }
        Ok(py.detach(|| self.step.fingerprint(normalised, min_words, &self.permutations)))
    }
}

fn to_permutations(py: Python<'_>, multipliers: &PyBuffer<u32>, offsets: &PyBuffer<u32>) -> PyResult<Vec<Permutation>> {
    let pairs = multipliers.to_vec(py)?.into_iter().zip(offsets.to_vec(py)?);
    Ok(pairs.map(|(multiplier, offset)| Permutation { multiplier, offset }).collect())
}

fn to_python<'py>(py: Python<'py>, fingerprint: &Fingerprint) -> PythonFingerprint<'py> {
    let signature = fingerprint.signature.as_ref().map(|signature| {
        (
            to_little_endian(py, &signature.rows),
            to_little_endian(py, &signature.sketch),
            PyBytes::new(py, &signature.sentence_ids),
            signature.shingle_count,
            signature.word_count,
        )
    });
    (PyBytes::new(py, &fingerprint.content_hash), signature)
}

fn to_little_endian<'py>(py: Python<'py>, numbers: &[u32]) -> Bound<'py, PyBytes> {
    let mut bytes = vec![0; 4 * numbers.len()];
    for (bytes, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    PyBytes::new(py, &bytes)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("TEXT_VERSION", TEXT_VERSION)?;
    module.add_class::<TextSigner>()
}
