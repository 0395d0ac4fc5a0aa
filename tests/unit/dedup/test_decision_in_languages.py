"""A report, its reprint, a text that quotes it and another one, in fifteen languages."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.memory import MemoryIndex
from reprise.model import Article, EventType, Kind

TEXTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "languages.json").read_text("utf-8")
)
ROLES = ("base", "near", "partial", "unrelated")
KINDS = {"base": None, "near": Kind.NEAR, "partial": Kind.PARTIAL, "unrelated": None}


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("with_sources", [False, True], ids=["no sources", "sources"])
def test_stories_in_every_order(language: str, with_sources: bool) -> None:
    """The reprint and the quoting text join the report in any order of arrival, and the unrelated text does not."""
    rule = Rule()
    prints = {
        role: fingerprint(
            Article(article_id=role, text=TEXTS[language][role], source=role if with_sources else None), rule
        )
        for role in ROLES
    }
    for order in permutations(ROLES):
        index = MemoryIndex(rule=rule, retention=Retention(window_seconds=60, replay_seconds=60))
        decisions = dict(zip(order, index.decide("n", [prints[role] for role in order], 0), strict=True))
        stories = {role: decision.story_id for role, decision in decisions.items()}
        assert stories["base"] == stories["near"] == stories["partial"], order
        assert stories["unrelated"] != stories["base"], order
        if order[0] == "base":
            assert {role: decision.kind for role, decision in decisions.items()} == KINDS, order
        news = [role for role in order if decisions[role].type is EventType.NEW]
        assert news == sorted([next(role for role in order if role != "unrelated"), "unrelated"], key=order.index)


def test_languages_cover_the_scripts() -> None:
    """The data hold languages with and without spaces between words, in at least eight scripts."""
    assert {"zh", "ja", "th", "lo", "km", "my", "ko", "ar", "he", "hi", "ru", "el", "tr", "vi", "fr"} <= TEXTS.keys()
