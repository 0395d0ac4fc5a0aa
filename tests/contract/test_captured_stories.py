"""Articles that are written to capture the story of others, for the memory index and the Redis index.

Two invented domains publish a story of their own, and later bridges: articles with their text and part of a known
report. The bridges belong to the older, invented story. An article that copies the report also copies the bridges, so
that it seems to show that both stories are one.
"""

from collections.abc import Sequence

import pytest

from reprise.dedup import merges as merges_module
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, Fingerprint
from tests.contract.texts import make_fingerprint, make_text

T0 = 1_700_000_000_000
VICTIMS = 10
#: The invented domains publish under several names each.
INVENTED = [f"{name}.{domain}" for name in ("www", "news", "m", "live") for domain in ("one-evil.org", "two-evil.net")]

DecidingIndex = MemoryIndex | RedisIndex


def invented_story(victim: int) -> list[Fingerprint]:
    return [
        make_fingerprint(
            f"invented-{victim}-{number}", make_text(*invented(victim), own(victim, number)), source=source
        )
        for number, source in enumerate(INVENTED)
    ]


def bridges(victim: int) -> list[Fingerprint]:
    """Return articles with most of the invented text and four tenths of the report."""
    return [
        make_fingerprint(
            f"bridge-{victim}-{number}",
            make_text(*invented(victim)[:6], *report(victim)[:4], own(victim, 20 + number)),
            source=source,
        )
        for number, source in enumerate(INVENTED)
    ]


def reprints(victim: int, first: int, count: int) -> list[Fingerprint]:
    """Return honest articles: the report with a paragraph of their own."""
    return [
        make_fingerprint(
            f"reprint-{victim}-{number}",
            make_text(*report(victim), own(victim, 50 + number)),
            source=f"paper-{number}.org",
        )
        for number in range(first, first + count)
    ]


def report(victim: int) -> range:
    return range(10_000 * (victim + 1), 10_000 * (victim + 1) + 10)


def invented(victim: int) -> range:
    return range(10_000 * (victim + 1) + 100, 10_000 * (victim + 1) + 110)


def own(victim: int, number: int) -> int:
    return 10_000 * (victim + 1) + 1_000 + number


def count_captured(index: DecidingIndex, namespace: str) -> int:
    """Publish ten reports and the articles around them; return the number of stories that were captured."""
    return sum(is_captured(index, namespace, victim) for victim in range(VICTIMS))


def is_captured(index: DecidingIndex, namespace: str, victim: int) -> bool:
    """Return whether reprints of a report leave its story, or its story is merged."""

    def decide(articles: Sequence[Fingerprint]) -> list[Decision]:
        return [decision for article in articles for decision in index.decide(namespace, [article], T0)]

    decide(invented_story(victim))
    before = decide(reprints(victim, 0, 6))
    decisions = [*decide(bridges(victim)), *decide(reprints(victim, 6, 6))]
    after = decisions[len(INVENTED) :]
    (story,) = {decision.story_id for decision in before}
    return any(decision.merges for decision in decisions) or {decision.story_id for decision in after} != {story}


def test_two_invented_domains_capture_no_story(index: DecidingIndex, namespace: str) -> None:
    """A merge needs support by four registered domains, however many names one of them uses."""
    assert count_captured(index, namespace) == 0


def test_names_of_one_domain_would_capture_stories(
    index: DecidingIndex, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The articles are dangerous: if each name counted as a source of its own, stories would be captured."""
    monkeypatch.setattr(merges_module, "DOMAIN_KEY_BYTES", 8)
    assert count_captured(index, namespace) >= 3
