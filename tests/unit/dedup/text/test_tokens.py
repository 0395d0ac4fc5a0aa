"""The split of text into tokens, sentences and segments."""

import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reprise.dedup.text.hashing import PRECOMPUTED_POWERS
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.tokens import (
    COMPLEX_PER_SHINGLE,
    IDEOGRAPHS_PER_SHINGLE,
    SYLLABLES_PER_SHINGLE,
    WORDS_PER_SHINGLE,
    Tokens,
    tokenise,
)
from tests.text_helpers import INVISIBLE, reference_form


def tokens_of(text: str) -> Tokens:
    return tokenise(normalise(text))


def words(tokens: Tokens) -> list[str]:
    return [tokens.text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]


def grouped(tokens: Tokens, numbers: list[int]) -> list[str]:
    """Join the words of each number; the numbers must be 0, 1, 2, ... in order."""
    assert list(dict.fromkeys(numbers)) == list(range(len(set(numbers))))
    groups: list[list[str]] = [[] for _ in set(numbers)]
    for number, word in zip(numbers, words(tokens), strict=True):
        groups[number].append(word)
    return [" ".join(group) for group in groups]


def segments(text: str) -> list[str]:
    tokens = tokens_of(text)
    return grouped(tokens, tokens.segments.tolist())


def sentences(text: str) -> list[str]:
    tokens = tokens_of(text)
    return grouped(tokens, tokens.sentences.tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Harbour_3 re-opened: 4,5 km!", ["the", "harbour", "3", "re", "opened", "4", "5", "km"]),
        ("L’été à l’orée", ["l", "été", "à", "l", "orée"]),
        ("Straße ΟΔΟΣ Ёлка", ["straße", "οδοσ", "елка"]),
        ("أعلنت بلديةُ", ["اعلنت", "بلدیه"]),
        ("पहाड़ी ज़िले", [unicodedata.normalize("NFKC", word) for word in ("पहाड़ी", "ज़िले")]),
        ("탄광이 문을", ["탄광이", "문을"]),
        ("ﬁne Ｆｕｌｌ ①", ["fine", "full", "1"]),
        ("造纸作坊", ["造", "纸", "作", "坊"]),
        ("開いた", ["開", "い", "た"]),
        ("か\u3099は\u309aん", ["が", "ぱ", "ん"]),
        ("漢\U000e0100字", ["漢", "字"]),
        ("か\u0301な", ["か\u0301", "な"]),
        ("G20峰会 in北京2026年", ["g20", "峰", "会", "in", "北", "京", "2026", "年"]),
        ("ตลาดน้ำ", ["ต", "ล", "า", "ด", "น\u0e49\u0e4d", "า"]),
        ("กิน pad ไทย", ["ก\u0e34", "น", "pad", "ไ", "ท", "ย"]),
        ("ភូមិ", ["ភ\u17bc", "ម\u17b7"]),
        ("a 漢", ["a", "漢"]),
        ("漢 a", ["漢", "a"]),
        ("\u0301start", ["\u0301start"]),
        ("漢 \u0301x", ["漢", "\u0301x"]),
        ("\u0301漢", ["\u0301", "漢"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    """Words are runs of letters, marks and numbers; in unseparated scripts each character with its marks is a token."""
    assert words(tokens_of(text)) == expected


_SEPARATED = st.characters(exclude_characters="ー〇").filter(
    lambda c: not regex.search(r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}\p{Line_Break=SA}]", reference_form(c))
)


@settings(deadline=None)
@given(st.text(st.one_of(_SEPARATED, st.sampled_from("ab ée\u0301.,_'|\n\t\u00ad\u200d9"))))
def test_words_agree_with_a_regular_expression(text: str) -> None:
    """In scripts that separate words, the tokens are the matches of a regular expression."""
    tokens = tokens_of(text)
    visible = regex.sub(INVISIBLE, "", reference_form(text))
    assert tokens.text == visible
    assert words(tokens) == regex.findall(r"[\p{L}\p{M}\p{N}]+", visible)


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from("a漢か\u3099\u0301ก\u0e31ไ。. \n\t|\u200b"))))
def test_tokens_of_any_text_are_in_order(text: str) -> None:
    """In any text, tokens do not overlap, contain word characters alone, and cover all of them."""
    tokens = tokens_of(text)
    assert (tokens.starts < tokens.ends).all()
    assert (tokens.ends[:-1] <= tokens.starts[1:]).all()
    assert "".join(words(tokens)) == "".join(regex.findall(r"[\p{L}\p{M}\p{N}]+", tokens.text))
    assert len(tokens.sentence_end_counts) == len(tokens.separator_counts) == len(set(tokens.segments.tolist()))
    segment_of: dict[int, int] = {}
    for sentence, segment in zip(tokens.sentences.tolist(), tokens.segments.tolist(), strict=True):
        assert segment_of.setdefault(sentence, segment) == segment


@pytest.mark.parametrize("text", ["", " ", "\n\n", "!!!", "\u200b\ufeff", "• | •", "。\n。"])
def test_text_without_a_word_has_no_tokens(text: str) -> None:
    """All arrays are empty for a text of white space or punctuation alone, and for an empty text."""
    tokens = tokens_of(text)
    assert len(tokens) == 0
    for field in (
        "starts",
        "ends",
        "hashes",
        "shingle_lengths",
        "segments",
        "sentences",
        "sentence_end_counts",
        "separator_counts",
    ):
        assert len(getattr(tokens, field)) == 0


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u200c", "\u200d", "\ufeff", "\u2060", "\ufe0f"])
def test_invisible_characters_are_removed(invisible: str) -> None:
    """A soft hyphen, joiner or byte order mark inside or around words changes neither words nor their hashes."""
    plain, copied = (
        tokens_of("Morning ferry. Second"),
        tokens_of(f"{invisible}Mor{invisible}ning fer{invisible}ry.{invisible} Second"),
    )
    assert copied.text == plain.text
    assert copied.hashes.tolist() == plain.hashes.tolist()
    assert copied.sentences.tolist() == plain.sentences.tolist()


def test_hashes_depend_on_the_word_alone() -> None:
    """Equal words have equal hashes at any offset, also beyond the precomputed powers; other words differ."""
    filler = " ".join(f"w{number}" for number in range(PRECOMPUTED_POWERS // 4))
    tokens = tokens_of(f"ferry harbour {filler} ferry")
    assert len(tokens.text) > PRECOMPUTED_POWERS
    assert tokens.hashes[0] == tokens.hashes[-1] == tokens_of("Ferry").hashes[0]
    assert len(set(tokens.hashes.tolist())) == len(tokens) - 1


def test_composed_and_decomposed_letters_are_equal() -> None:
    """The hashes do not depend on the normal form of the input."""
    text = "L’école rouvrira à Aubépierre, ｶﾞラス, पहाड़ी, 탄광."
    hashes = [tokens_of(unicodedata.normalize(form, text)).hashes.tolist() for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert hashes[0] == hashes[1] == hashes[2] == hashes[3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two\nThree", ["one two", "three"]),
        ("One\r\nTwo\rThree", ["one", "two", "three"]),
        ("One two\tThree  Four five", ["one two", "three", "four five"]),
        ("One two three \u00a0Four five\u3000\u3000Six seven", ["one two three", "four five", "six seven"]),
        ("one\u2028two\u2029three\x85four\x0bfive", ["one", "two", "three", "four", "five"]),
        ("\n\nOne\n \n\t\n  Two\n\n", ["one", "two"]),
        ("one two, three", ["one two three"]),
        ("one\n...\ntwo", ["one", "two"]),
    ],
)
def test_segments_end_at_breaks(text: str, expected: list[str]) -> None:
    """Line ends, tabs and double spaces of any kind end a segment; empty segments are not counted."""
    assert segments(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left! Why? Nobody knows", ["it rained", "we left", "why", "nobody knows"]),
        ("He said: “It rained.” We left (again.) And", ["he said it rained", "we left again", "and"]),
        ("Er kam (spät.“) Dann", ["er kam spät", "dann"]),
        ("so on... and so forth", ["so on", "and so forth"]),
        ("so on… and so forth", ["so on", "and so forth"]),
        ("at 3.5 km of example.org today", ["at 3 5 km of example org today"]),
        ("One\nTwo", ["one", "two"]),
        ("هل وصل؟ نعم۔ شكرا", ["هل وصل", "نعم", "شکرا"]),
        ("एक दो। तीन", ["एक दो", "तीन"]),
        ("你好。再见", ["你 好", "再 见"]),
        ("他说：「你好。」再见", ["他 说 你 好", "再 见"]),
        ("ទឹក។ដី", ["ទ\u17b9 ក", "ដ\u17b8"]),
        ("ရေ။မြေ", ["ရ\u1031", "မ\u103c\u1031"]),
    ],
)
def test_sentences_end_at_terminators(text: str, expected: list[str]) -> None:
    """A terminator before white space ends a sentence, quotes and brackets in between too; a full-width one always."""
    assert sentences(text) == expected


@pytest.mark.parametrize(("stop", "name"), [("！", "exclamation mark"), ("？", "question mark")])
def test_full_width_marks_end_a_sentence(stop: str, name: str) -> None:
    """A full-width exclamation or question mark ends a sentence as the ideographic full stop does, without a space."""
    assert sentences(f"你好{stop}再见") == ["你 好", "再 见"], name
    assert sentences(f"「行く{stop}」と言") == ["行 く", "と 言"], name


def test_spaces_end_sentences_in_scripts_without_a_terminator() -> None:
    """Spaces end Thai and Lao phrases, but not beside other scripts, and not in Khmer, which has a full stop."""
    assert len(sentences("ตลาดเปิด วันนี้ฝนตก")) == 2
    assert len(sentences("ตลาด ABC เปิด")) == 1
    assert len(sentences("ເມືອງ ນ້ຳ ໄຟ")) == 3
    assert len(sentences("ទឹក ដី។ ភ្លើង")) == 2


@pytest.mark.parametrize(
    ("text", "counts"),
    [("One. Two.\nthree\nFour!", [2, 0, 1]), ("One.\n...\nTwo", [1, 0]), ("\n. one", [1]), ("One.” \nTwo", [1, 0])],
)
def test_sentence_ends_are_counted_by_segment(text: str, counts: list[int]) -> None:
    """Each sentence end counts for the segment of its line; one on a line of dots alone counts for none."""
    assert tokens_of(text).sentence_end_counts.tolist() == counts


@pytest.mark.parametrize(
    ("text", "separators"),
    [
        ("home | news | sport", [2]),
        ("Home » News\nSport", [1, 0]),
        ("Home › News\nSport • More", [1, 1]),
        ("A paragraph\n• • •\nAnother", [0, 0]),
        ("a paragraph\n› one › two", [0, 2]),
        ("One | Two |\nThree", [2, 0]),
    ],
)
def test_separators_count_for_their_own_line(text: str, separators: list[int]) -> None:
    """A separator at the start of a line, or on a line of separators alone, does not count for the line above."""
    assert tokens_of(text).separator_counts.tolist() == separators


def test_shingle_lengths_depend_on_the_script() -> None:
    """A shingle has three words, five ideographs or kana, or six characters of a complex-context script."""
    expected = [
        WORDS_PER_SHINGLE,
        IDEOGRAPHS_PER_SHINGLE,
        IDEOGRAPHS_PER_SHINGLE,
        COMPLEX_PER_SHINGLE,
        WORDS_PER_SHINGLE,
    ]
    tokens = tokens_of("word 漢 か ก 2026")
    assert tokens.shingle_lengths.tolist() == expected
    assert tokens.word_weights.tolist() == [WORDS_PER_SHINGLE / width for width in expected]
    assert set(tokens_of("サーバー").shingle_lengths.tolist()) == {IDEOGRAPHS_PER_SHINGLE}


def test_vietnamese_shingles_have_five_syllables() -> None:
    """A Vietnamese text has shingles of five syllables, also in capitals; a French one with a Vietnamese name three."""
    vietnamese = "Ủy ban nhân dân tỉnh đã khởi công xây dựng cây cầu mới qua sông vào sáng thứ bảy"
    name = "Le festival de la ville a invité le chanteur Nguyễn Văn Đức pour la soirée du samedi."
    french = name + " La mairie a confirmé la date et le lieu, si le temps le permet." * 3
    for text in (vietnamese, vietnamese.upper(), unicodedata.normalize("NFD", vietnamese)):
        assert set(tokens_of(text).shingle_lengths.tolist()) == {SYLLABLES_PER_SHINGLE}
    assert set(tokens_of(french).shingle_lengths.tolist()) == {WORDS_PER_SHINGLE}
    # Letters that Vietnamese shares with Romanian and Croatian are no sign.
    romanian = "Primăria a anunțat că lucrările vor începe după sărbători și că strada rămâne închisă până în vară"
    croatian = "Međutim građani tvrde da između dvaju mostova više nema pješačke staze niđe duž riječke luke"
    for text in (romanian, croatian):
        assert set(tokens_of(text).shingle_lengths.tolist()) == {WORDS_PER_SHINGLE}
    together = tokenise(normalise(french), normalise(vietnamese), normalise(french))
    lengths = [set(together.shingle_lengths[text].tolist()) for text in together.text_slices]
    assert lengths == [{WORDS_PER_SHINGLE}, {SYLLABLES_PER_SHINGLE}, {WORDS_PER_SHINGLE}]


def test_long_sentences_have_parts() -> None:
    """A sentence without a stop has parts of 64 tokens; other sentences are one part each."""
    words_of_text = " ".join(["word"] * 150)
    tokens = tokens_of(f"One two. {words_of_text}. Three four.")
    assert np.bincount(tokens.sentence_parts).tolist() == [2, 64, 64, 22, 2]
    assert np.bincount(tokens.sentences).tolist() == [2, 150, 2]


def test_lone_surrogates_are_separators() -> None:
    """A lone surrogate, which a Python string can contain, is no letter and raises no error."""
    assert words(tokens_of("ab\ud800cd \udfff 漢\udc00字")) == ["ab", "cd", "漢", "字"]


@pytest.mark.parametrize("base", ["a", "漢", "ก", "", "a b"])
@pytest.mark.parametrize("mark", ["\u0301", "\u0e31"])
def test_a_million_combining_marks(base: str, mark: str) -> None:
    """A letter with any number of marks is one token."""
    tokens = tokenise(normalise(base + mark * 1_000_000))
    assert len(tokens) == max(1, len(base.split()))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["a. " * 400_000, "漢" * 1_000_000, "ก " * 500_000, "\u200b" * 1_000_000, "|\n" * 500_000]
)
def test_a_million_characters(text: str) -> None:
    """A huge text of one repeated pattern is tokenised completely."""
    assert len(tokens_of(text)) == sum(text.count(letter) for letter in "a漢ก")


@settings(deadline=None)
@example(["a long line of words, and\nthe next one.\nThe third line is\nthe last one", "กิน ไทย"])
@given(
    st.lists(
        st.text(st.sampled_from("abAƠơ é.,!”\n\t|\u00a0\u200b漢か\u3099\u0301ก\u0e31ไ。។ "), max_size=30),
        min_size=1,
        max_size=6,
    )
)
def test_texts_together_are_tokenised_as_alone(texts: list[str]) -> None:
    """Each text has the same tokens, segments, sentences and counts as if it were tokenised alone."""
    together = tokenise(*map(normalise, texts))
    alone = [tokens_of(text) for text in texts]
    assert [together.text_at(number) for number in range(len(texts))] == [tokens.text for tokens in alone]
    for field in ("hashes", "shingle_lengths", "sentence_end_counts", "separator_counts"):
        assert getattr(together, field).tolist() == np.concatenate([getattr(one, field) for one in alone]).tolist()
    for text_slice, segment_slice, one in zip(together.text_slices, together.segment_slices, alone, strict=True):
        for field in ("segments", "sentences"):
            numbers = getattr(together, field)[text_slice]
            assert (numbers - numbers[:1]).tolist() == getattr(one, field).tolist()
        assert segment_slice.stop - segment_slice.start == len(one.sentence_end_counts)
