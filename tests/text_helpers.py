"""The text step for a single text, for both implementations, and the normal form by the standard library alone."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

from reprise.dedup.rule import Rule
from reprise.dedup.text.backend import TextBackend, choose_backend
from reprise.dedup.text.code_points import limit_marks
from reprise.dedup.text.fingerprint import fingerprint_batch
from reprise.dedup.text.shingles import Shingles, hash_shingles
from reprise.dedup.text.tokens import Tokens
from reprise.model import FIXED_SEED, Article, Fingerprint

#: The implementations that are installed.
BACKENDS: Final = tuple(dict.fromkeys((TextBackend.NUMPY, choose_backend())))

#: Characters that the text step removes: invisible ones, the tatweel, and vowel marks of Arabic and Hebrew.
INVISIBLE: Final = regex.compile(
    r"(?V1)[\p{Default_Ignorable_Code_Point}\u0640[[\p{scx=Arabic}\p{scx=Hebrew}]&&\p{Mn}]]+"
)

#: The letters that stand for others, each before the letters that it stands for.
_FOLDED: Final[Mapping[str, str]] = {
    letter: same
    for same, letters in {
        "σ": "ς",
        "i": "ı",
        "\u0435": "\u0451",  # Cyrillic ie for io
        "\u0219": "\u015f",  # comma below for cedilla
        "\u021b": "\u0163",
        "\u06cc": "\u064a\u0649",  # Persian yeh for Arabic yeh and alef maksura
        "\u06a9": "\u0643",
        "\u0627": "\u0623\u0625\u0622\u0671",  # alef for alef with hamza, madda or wasla
        "\u0647": "\u0629\u06c0\u06c1\u06d5",  # heh for teh marbuta and other forms of heh
        "'": "\u02bb\u02bc",
    }.items()
    for letter in letters
}
_GREEK: Final = regex.compile(r"(?V1)[\p{Script=Greek}&&\p{Ll}]")


def reference_form(text: str) -> str:
    """Return the characters of a normalised text, made by the standard library and the table above."""
    no_break = "\u00a0"
    parts = limit_marks(text).split(no_break)
    nfkc = no_break.join(unicodedata.normalize("NFKC", part) for part in parts)
    lower = nfkc.replace("i\u0307", "i").replace("\u0130", "i").replace("Σ", "σ").lower()
    return "".join(map(_fold, lower))


def _fold(letter: str) -> str:
    if letter in _FOLDED:
        return _FOLDED[letter]
    if unicodedata.category(letter) == "Nd":
        return str(unicodedata.digit(letter))
    return unicodedata.normalize("NFD", letter)[0] if _GREEK.match(letter) else letter


def shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Shingles:
    """Hash the shingles of the kept tokens (one at least) of one text."""
    (of_text,) = hash_shingles(tokens, kept)
    if of_text is None:
        raise ValueError("no token is kept")
    return of_text


def fingerprints_of_all_backends(
    articles: Sequence[Article], rule: Rule, *, seed: int = FIXED_SEED
) -> Sequence[Fingerprint]:
    """Return the fingerprints of articles, after a check that all installed implementations return the same."""
    expected, *others = (fingerprint_batch(articles, rule, seed=seed, backend=backend) for backend in BACKENDS)
    for other in others:
        for article, one, another in zip(articles, expected, other, strict=True):
            assert one == another, f"the implementations differ on {article.text[:1000]!r}"
    return expected
