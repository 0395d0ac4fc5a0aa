"""The synthetic load of the scenarios, without servers: without merges in it, no scenario would check one."""

import json
from contextlib import suppress
from itertools import islice

import pytest

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.memory import MemoryIndex
from reprise.model import Article, StoryMerge
from tests.faults.load import generate_messages

#: Messages of the load that are decided: about 120 texts of pairs of stories, 15 for each pair.
MESSAGES = 1_000

#: Minimum number of merges among them, fewer than the 7 to 9 pairs: the last pair is incomplete.
MIN_MERGES = 5

T0 = 1_700_000_000_000


@pytest.mark.parametrize("seed", [1, 2])
def test_the_load_has_merges(seed: int) -> None:
    """The later story of a pair is merged into the earlier one, once."""
    index = MemoryIndex(rule=Rule(), retention=Retention(window_seconds=60, replay_seconds=20))
    merges: list[StoryMerge] = []
    for message in islice(generate_messages(seed), MESSAGES):
        with suppress(ValueError):  # a malformed message
            if message.value is not None:
                body = json.loads(message.value)
                article = Article(article_id=body["id"], text=body["text"], source=body["source"])
                merges += index.decide("load", [fingerprint(article, Rule())], T0)[0].merges
    assert len({merge.story_id for merge in merges}) == len(merges) >= MIN_MERGES
