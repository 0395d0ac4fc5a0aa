"""Selection of prose segments."""

import numpy as np
import pytest

from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.tokens import tokenise

SENTENCE = (
    "The ferry to the northern islands left the harbour an hour late on Monday because a crane "
    "had blocked the quay since the early morning."
)
OTHER = (
    "Passengers waited in the old customs hall, where the company handed out tea and blankets until the "
    "captain announced that the crossing would take place after all."
)
LEGAL = (
    "Copyright 2019 Example Press. All rights reserved. "
    "This material may not be published, broadcast, rewritten or redistributed."
)
CHINESE = "云岭县最后一家手工造纸作坊周三宣布，将在关闭三年后重新开工，首批二十名学徒已经签订合同。"


def kept(text: str, min_words: int = MIN_WORDS_TEXT) -> list[str]:
    """Return the kept segments, each as its joined words."""
    tokens = tokenise(normalise(text))
    marks = keep_prose(tokens, min_words)
    assert marks.dtype == np.bool_
    assert len(marks) == len(tokens)
    words_of: dict[int, list[str]] = {}
    for index in np.flatnonzero(marks):
        words_of.setdefault(int(tokens.segments[index]), []).append(
            tokens.text[tokens.starts[index] : tokens.ends[index]]
        )
    return [" ".join(words) for words in words_of.values()]


def plain(text: str) -> str:
    tokens = tokenise(normalise(text))
    return " ".join(tokens.text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True))


@pytest.mark.parametrize(
    "boilerplate",
    [
        "Home\nNews\nSport\nContact",
        "Home | News | Sport | Weather | Culture | Travel | Letters | Archive | Contact | Help | About | Jobs. Search.",
        "» Weather » Travel » Letters » Archive » Contact » Help » About us • Jobs • Press • Search • More • Shop. Go.",
        "Ferry to the northern islands leaves an hour late as crane blocks the quay and passengers wait for tea",
        "Photo: A crane on the quay.",
        LEGAL,
        "© 2020 Example Press, all of the texts and of the pictures on these pages belong to their owners alone.",
        "Tous droits réservés. La reproduction de cet article est interdite sans l’accord écrit de la rédaction.",
        "Все права защищены. Перепечатка материалов сайта возможна только с согласия редакции и автора нашей газеты.",
    ],
)
@pytest.mark.parametrize("arrangement", ["{0}\n{1}\n{2}", "{1}\n{0}\n\n{2}", "{1}\t{2}  {0}"])
def test_boilerplate_is_dropped_and_sentences_are_kept(boilerplate: str, arrangement: str) -> None:
    """Menus, link bars, legal lines, headlines and captions are dropped at any place; paragraphs are kept."""
    text = arrangement.format(boilerplate, SENTENCE, OTHER)
    assert kept(text) == [plain(SENTENCE), plain(OTHER)]


@pytest.mark.parametrize(
    "paragraph",
    [
        SENTENCE,
        f"“{SENTENCE}”",
        f"TRENT HARBOUR | {SENTENCE}",
        CHINESE,
        "Каменный Лог после двадцати лет вновь увидел, как работает стекольная фабрика, сообщили в министерстве вчера.",
        "أعلنت بلدية وادي النخيل يوم الأحد افتتاح أول محطة لتحلية المياه تعمل بالطاقة الشمسية بعد تأخير دام عامين.",
        " ".join(["The court found that the copyright of the song had passed to the widow of its author."] * 6),
    ],
)
def test_sentences_of_many_kinds_are_kept(paragraph: str) -> None:
    """A paragraph is kept in any script, in quotes, with a dateline, or as a long report about copyright."""
    assert kept(f"Home\nNews\n{paragraph}\nContact") == [plain(paragraph)]


@pytest.mark.parametrize("divider", ["• • •", "■ ■ ■ ■", "› More › Pictures › Video", "| | |"])
def test_divider_does_not_drop_the_paragraph_above(divider: str) -> None:
    """Separators on a line of their own do not count for the paragraph before them."""
    assert kept(f"{SENTENCE}\n{divider}\n{OTHER}") == [plain(SENTENCE), plain(OTHER)]


def test_photo_credit_does_not_drop_the_paragraph_below() -> None:
    """A copyright sign at the end of a caption does not count for the paragraph after it."""
    assert kept(f"Photo: Example Press ©\n{SENTENCE}\n{OTHER}") == [plain(SENTENCE), plain(OTHER)]


def test_minimum_words() -> None:
    """A segment with the minimum of words is kept, with one word less dropped; the minimum for HTML is lower."""
    for min_words in (MIN_WORDS_TEXT, MIN_WORDS_HTML):
        enough, short = (" ".join(["word"] * count) + "." for count in (min_words, min_words - 1))
        assert kept(f"{SENTENCE}\n{enough}\n{short}", min_words) == [plain(SENTENCE), plain(enough)]
    assert MIN_WORDS_HTML < MIN_WORDS_TEXT


def test_unseparated_scripts_count_by_characters() -> None:
    """Five ideographs count for three words: 26 of them reach the minimum of words, 24 do not."""
    enough, short = "纸" * 26 + "。", "竹" * 24 + "。"
    assert kept(f"{enough}\n{short}\n") == [plain(enough)]


def test_short_lines_of_prose_are_kept_together() -> None:
    """If no segment is long enough, all segments are kept if sentences end often enough."""
    poem = "The crane came down.\nNobody had seen it fall.\nThe ferry waited.\nThe harbour slept on."
    assert " ".join(kept(poem)) == plain(poem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!!",
        "Home",
        "Home. News. Sport.",
        "\n".join(["Home", "News", "Sport", "Weather", "Culture", "Travel", "Letters", "Archive"] * 4),
        "\n".join(["Home | News.", "Sport | Travel.", "Letters | Archive.", "Weather | Culture."] * 4),
        "one two three four five " * 9 + "end.\n" + "| more " * 40,
    ],
)
def test_boilerplate_alone_is_dropped(text: str) -> None:
    """No word of a page with menus alone is kept."""
    text = text.replace("end.", "end")
    assert kept(text) == []


MENUS = {
    "English": ["Home", "World News", "Sport and Games", "Weather", "Letters to Us", "Travel", "Contact", "Our Shop"],
    "German": ["Startseite", "Politik", "Sport", "Wetter in der Region", "Kultur", "Reise", "Kontakt", "Anzeigen"],
    "Russian": ["Главная", "Новости", "Спорт", "Погода", "Культура", "Письма в редакцию", "Контакты", "Реклама"],
    "Arabic": ["الرئيسية", "الأخبار", "الرياضة", "الطقس", "الثقافة", "اتصل بنا", "السفر", "الأرشيف"],
    "Chinese": ["首页", "新闻", "体育", "天气预报", "文化", "旅游", "联系我们", "广告"],
    "Thai": ["หน้าแรก", "ข่าว", "กีฬา", "อากาศ", "วัฒนธรรม", "ท่องเที่ยว", "ติดต่อ", "โฆษณา"],
}
#: For the layouts with spaces, an article in which single spaces stand between the words.
SEPARATED = {
    "\n": "lines",
    "\n\n": "blank lines",
    "\n  ": "indented lines",
    "\t": "tabs",
    "\r\n": "CRLF",
    " | ": "bars",
}
SPACED = {"  ": "two spaces", "   ": "three spaces", "\u00a0 ": "no-break spaces"}


@pytest.mark.parametrize("separator", [*SEPARATED, *SPACED], ids=[*SEPARATED.values(), *SPACED.values()])
@pytest.mark.parametrize("language", MENUS)
def test_menus_stay_dropped_in_each_layout(language: str, separator: str) -> None:
    """A menu above an article is dropped, and the article is kept."""
    if separator == "\u00a0 " and language in ("Arabic", "Chinese", "Thai"):
        separator = "\n"  # without capitals, such a pair is read as a space
    menu = separator.join(MENUS[language] * 2)
    assert kept(f"{menu}\n\n{SENTENCE}\n\n{OTHER}") == [plain(SENTENCE), plain(OTHER)]
    assert kept(f"{SENTENCE}\n\n{OTHER}\n\n{menu}") == [plain(SENTENCE), plain(OTHER)]


# Not in Thai, where each line end counts as the end of a phrase, because there are no full stops.
@pytest.mark.parametrize("language", [language for language in MENUS if language != "Thai"])
@pytest.mark.parametrize("separator", SEPARATED, ids=SEPARATED.values())
def test_a_menu_alone_is_dropped(language: str, separator: str) -> None:
    """A page with a menu alone has no prose, whatever its layout is."""
    assert kept(separator.join(MENUS[language] * 6)) == []


def test_lines_without_stops_are_kept_from_fifty_words() -> None:
    """Lines without stops are a text if they have fifty words; fewer may be captions."""
    lines = ["the ferry left late and nobody on the quay knew why", "we waited in the hall until the rain had passed"]
    assert kept("\n\n".join(lines * 2)) == []
    assert " ".join(kept("\n\n".join(lines * 3))) == plain("\n".join(lines * 3))


def test_legal_notice_alone_is_dropped() -> None:
    """No word of a page with a legal notice and no article is kept: it would match every page with that notice."""
    assert kept(f"Home\nNews\n{LEGAL}\nContact") == []
