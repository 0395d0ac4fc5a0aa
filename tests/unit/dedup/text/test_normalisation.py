"""One normal form for characters that a reader does not tell apart."""

import unicodedata
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.code_points import from_code_points
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.tokens import tokenise
from tests.text_helpers import reference_form


def form_of(text: str) -> str:
    return from_code_points(normalise(text).characters)


@settings(deadline=None)
@given(
    st.text(
        st.one_of(
            st.characters(), st.sampled_from("a.,_'|\n é\u0301\u0323ΣςσάΆİıiﬁＡ™…½\u00a0ᄀ\u1161\u11a8가ﾊﾞ\u0307أىةکş٣")
        )
    )
)
@example("ΟΔΟΣ ΣΑΣ İstanbul ﬁ ™ … \u00a0 ＡＢ ᄒ\u1161\u11ab é\u0323\u0301")
def test_normalisation_equals_the_standard_library(text: str) -> None:
    """The tables, the shortcuts and the standard library have the same result for any text."""
    assert form_of(text) == reference_form(text)


#: Pairs of spellings of the same words.
SAME_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "capitals": ("Straßenbahn in ÅLESUND", "straßenbahn in ålesund"),
    "Greek capitals without accents": ("ΟΙ ΕΡΓΑΣΙΕΣ ΣΤΗΝ ΟΔΟ", "Οι εργασίες στην οδό"),
    "Greek with two marks": ("ΤΑΪΖ ΡΑΫΔΗ", "Ταΐζ Ραΰδη"),
    "Turkish capitals": ("İSTANBUL IRMAK", "istanbul ırmak"),
    "a decomposed Turkish capital": ("I\u0307zmir", "İzmir"),
    "Romanian cedillas": ("ştiinţă şi Ţara", "știință și Țara"),
    "Russian io": ("Её ёлка ещё зелёная", "Ее елка еще зеленая"),
    "Persian with Arabic yeh and kaf": (
        "\u0643\u0634\u0648\u0631 \u0622\u0628\u064a",
        "\u06a9\u0634\u0648\u0631 \u0622\u0628\u06cc",
    ),
    "Arabic vowel marks": ("بَلَدِيَّةُ الوادي", "بلدية الوادي"),
    "tatweel": ("الـــمـــدينة", "المدينة"),
    "hamza on an alef": ("أعلنت إدارة", "اعلنت ادارة"),
    "teh marbuta": ("المدينة", "المدينه"),
    "Arabic digits": ("عام ٢٠٢٦", "عام 2026"),
    "Persian digits": ("سال ۱۴۰۵", "سال 1405"),
    "Devanagari digits": ("वर्ष २०२६", "वर्ष 2026"),
    "Hebrew vowel points": ("שָׁלוֹם", "שלום"),
    "full-width letters and digits": ("ＮＡＴＯ　２０２６年", "NATO 2026年"),
    "half-width kana": ("ｶﾞﾗｽ", "ガラス"),
    "ligatures": ("the ﬁnal oﬃce", "the final office"),
    "decomposed letters": (unicodedata.normalize("NFD", "L’école ộ 탄광"), "L’école ộ 탄광"),
    "soft hyphens and joiners": ("har\u00adbour\u200b front", "harbour front"),
    "letters that are apostrophes": ("O\u02bbzbekiston m\u02bcyoki", "O'zbekiston m'yoki"),
}


@pytest.mark.parametrize(("one", "other"), SAME_WORDS.values(), ids=SAME_WORDS)
def test_spellings_have_the_same_words(one: str, other: str) -> None:
    """The tokens of both spellings have the same hashes."""
    assert tokenise(normalise(one)).hashes.tolist() == tokenise(normalise(other)).hashes.tolist()


#: Pairs of words that differ to a reader.
OTHER_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "accents": ("le pêcheur", "le pecheur"),
    "umlauts": ("schon", "schön"),
    "Turkish dotted u": ("ölü", "olu"),
    "Polish": ("łaska", "laska"),
    "Ukrainian": ("кит", "кіт"),
    "Cyrillic short i": ("мои", "мой"),
    "Vietnamese tones": ("ma", "mạ"),
    "Hindi vowel signs": ("कल", "काल"),
    "Romanian": ("sa", "să"),
    "Arabic letters": ("بيت", "بنت"),
    "figures": ("2025", "2026"),
}


@pytest.mark.parametrize(("one", "other"), OTHER_WORDS.values(), ids=OTHER_WORDS)
def test_other_words_stay_other(one: str, other: str) -> None:
    """A mark that tells two words apart is not removed."""
    assert tokenise(normalise(one)).hashes.tolist() != tokenise(normalise(other)).hashes.tolist()


def test_the_case_is_kept_as_a_class() -> None:
    """The characters are small letters; the classes have the case of the text."""
    normalised = normalise("Aa İé Σ")
    assert from_code_points(normalised.characters) == "aa ié σ"
    upper = [bool(each & CharClass.UPPER) for each in normalised.classes.tolist()]
    assert upper == [True, False, False, True, False, False, True]


def test_growth_by_ligatures_is_bounded() -> None:
    """Ligatures in prose are decomposed; a huge text of ligatures alone stays unchanged."""
    assert len(normalise("\ufdfa").characters) == 18
    rest = " in a sentence of some twenty letters"
    decomposed = "\u0635\u0644\u06cc \u0627\u0644\u0644\u0647 \u0639\u0644\u06cc\u0647 \u0648\u0633\u0644\u0645"
    assert form_of("\ufdfa" + rest) == decomposed + rest
    assert form_of("\ufdfa" * 60_000) == "\ufdfa" * 60_000
