"""Reports in fifteen languages whose copies have another layout."""

import json
import random
from pathlib import Path
from typing import Any, Final

import pytest

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.memory import MemoryIndex
from reprise.model import Article, Decision
from tests.layouts import LAYOUTS, is_unspaced

TEXTS: Final[dict[str, dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "languages.json").read_text("utf-8")
)
RULE: Final = Rule()
RETENTION: Final = Retention(window_seconds=60, replay_seconds=60)

#: Layouts after which every run of five Vietnamese syllables may be broken.
LOST: Final = {("vi", "verse")}

#: Layouts that keep every sentence whole, in scripts with spaces between words.
WHOLE: Final = ("two spaces", "tabs for spaces", "wrapped", "wrapped, CRLF", "one line")


def decide(*texts: str) -> list[Decision]:
    """Return the decisions on texts of several sources in this order."""
    prints = [
        fingerprint(Article(article_id=str(number), text=text, source=str(number)), RULE)
        for number, text in enumerate(texts)
    ]
    return list(MemoryIndex(rule=RULE, retention=RETENTION).decide("n", prints, 0))


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_copy_in_another_layout_joins(layout: str, language: str) -> None:
    """The copy joins the story of the report in both orders of arrival; another report does not."""
    if (language, layout) in LOST:
        return
    dice = random.Random(f"{layout} {language}")
    # 140 to 370 words, or twice as many.
    text = "\n".join(TEXTS[language][part] for part in dice.choice((("base",), ("base", "unrelated"))))
    copy = LAYOUTS[layout](text, dice)
    other = LAYOUTS[layout](TEXTS["fr" if language != "fr" else "tr"]["base"], random.Random(1))
    for order in ((text, copy), (copy, text)):
        first, second, unrelated = decide(*order, other)
        assert second.story_id == first.story_id
        assert unrelated.story_id != first.story_id


@pytest.mark.parametrize("language", [name for name, texts in TEXTS.items() if not is_unspaced(texts["base"])])
@pytest.mark.parametrize("layout", WHOLE)
def test_layouts_that_keep_sentences_change_no_word(layout: str, language: str) -> None:
    """The copy has the same content hash, so it is an exact copy."""
    text = TEXTS[language]["base"]
    copy = LAYOUTS[layout](text, random.Random(7))
    first, second = (fingerprint(Article(article_id="a", text=each), RULE) for each in (text, copy))
    assert second.content_hash == first.content_hash
