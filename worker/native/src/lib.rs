//! The text step in Rust: the same results, bit for bit, as that in Python and numpy (`worker/reprise/dedup/text`).
//!
//! Each module mirrors the Python module of the same name, function by function, so that a change of a rule is made
//! alike in both. The Python module explains the rule. Tables and lists are made in Python and passed in.

#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "python"), allow(dead_code, reason = "only the Python module uses the whole crate"))]

mod characters;
mod code_points;
mod fingerprint;
mod hashing;
mod layout;
mod line_unwrapping;
mod normalisation;
mod offsets;
mod phrases;
mod presentation;
mod prose_filter;
#[cfg(feature = "python")]
mod python;
mod shingles;
mod signature;
mod tokens;
