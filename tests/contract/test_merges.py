"""Merges of stories, for the memory index and the Redis index."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, EventType, Kind, StoryMerge, Trace
from tests.contract.conftest import RETENTION
from tests.contract.merging_stories import COMMON, SOURCES, bridge, copy_of, story
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text

T0 = 1_700_000_000_000
WINDOW_MS = 60_000
OLD, YOUNG, YOUNGEST = 100, 200, 300

DecidingIndex = MemoryIndex | RedisIndex
Decide = Callable[..., list[Decision]]


@pytest.fixture
def decide(index: DecidingIndex, namespace: str) -> Decide:
    """Return a function that decides articles at a number of milliseconds after T0."""
    return lambda *fingerprints, at=0: list(index.decide(namespace, fingerprints, T0 + at))


def without_trace(decision: Decision) -> Decision:
    return replace(decision, trace=Trace())


def merge_two(decide: Decide) -> tuple[str, str, Decision]:
    """Merge a younger story into an older one; return both ids and the decision that merged them."""
    old = decide(*story(OLD, name="old"))
    young = decide(*story(YOUNG, name="young"))
    assert len({each.story_id for each in old}) == len({each.story_id for each in young}) == 1
    assert old[0].story_id != young[0].story_id
    (decision,) = decide(bridge(OLD, YOUNG), at=1)
    return old[0].story_id, young[0].story_id, decision


def test_a_bridge_with_support_of_four_sources_merges_the_younger_story(decide: Decide) -> None:
    """The decision names both stories and the support; the article belongs to the older one."""
    old, young, decision = merge_two(decide)
    assert decision.merges == (StoryMerge(story_id=young, into=old, sources=4, representatives=4),)
    assert (decision.type, decision.story_id) == (EventType.VARIANT, old)


@pytest.mark.parametrize("weaker", [OLD, YOUNG])
def test_three_sources_merge_nothing(decide: Decide, weaker: int) -> None:
    """If either story has support of only three sources, both stay; the article joins its best match."""
    for first in (OLD, YOUNG):
        decide(*story(first, name=str(first), sources=SOURCES[:3] if first == weaker else SOURCES))
    (decision,) = decide(bridge(OLD, YOUNG))
    assert decision.type is EventType.VARIANT
    assert decision.merges == ()


def test_several_articles_of_a_source_count_once(decide: Decide) -> None:
    """Four representatives of three sources are support of three sources."""
    decide(*story(OLD, name="old"))
    articles = [replace(each, source=f"{min(number, 2)}.example") for number, each in enumerate(story(YOUNG, name="y"))]
    decisions = decide(*articles)
    assert len({each.story_id for each in decisions}) == 1
    assert all(each.trace.indexed for each in decisions)
    (decision,) = decide(bridge(OLD, YOUNG))
    assert decision.merges == ()


def test_a_roundup_merges_nothing(decide: Decide) -> None:
    """Stories with support of four sources stay apart if their articles share nothing but the roundup's text."""
    for first in (OLD, YOUNG):
        decide(*story(first, name=str(first), common=()))
    (decision,) = decide(bridge(OLD, YOUNG))
    assert decision.type is EventType.VARIANT
    assert decision.merges == ()


def test_a_roundup_of_three_stories_merges_only_those_that_share_text(decide: Decide) -> None:
    """The story between two stories that share a paragraph has none in common with them and stays."""
    old, *_ = decide(*story(OLD, name="old"))
    other, *_ = decide(*story(YOUNG, name="young", common=()))
    youngest, *_ = decide(*story(YOUNGEST, name="youngest"))
    (decision,) = decide(bridge(OLD, YOUNG, YOUNGEST))
    assert [(each.story_id, each.into) for each in decision.merges] == [(youngest.story_id, old.story_id)]
    (copy,) = decide(make_fingerprint("copy", make_text(YOUNG + 3, YOUNG + 4, YOUNG + 10), source="copy.example"))
    assert copy.story_id == other.story_id


def test_all_representatives_of_the_younger_story_follow(decide: Decide) -> None:
    """A near copy, an exact copy and a revision of a merged story's article name the older story."""
    old, _, _ = merge_two(decide)
    original = story(YOUNG, name="young")[0]
    exact = replace(original, article_id="exact", source="exact.example")
    text = make_text(*range(YOUNG, YOUNG + 5), YOUNG + 10, COMMON)
    revision = make_fingerprint("young-a", edit_words(text, 7), source="a.example")
    decisions = decide(copy_of(YOUNG, name="copy"), exact, revision, at=2)
    assert [each.story_id for each in decisions] == [old] * 3
    assert [each.kind for each in decisions] == [Kind.NEAR, Kind.EXACT, Kind.REVISION]
    assert decisions[2].supersedes is not None


def test_later_representatives_belong_to_the_older_story(decide: Decide) -> None:
    """An article that matches an article of the merged story is found as one of the older story itself."""
    old, _, _ = merge_two(decide)
    first = make_fingerprint("x", make_text(YOUNG + 3, YOUNG + 4, 700, 701, 702), source="x.example")
    second = make_fingerprint("y", make_text(700, 701, 702, 703), source="y.example")
    assert [each.story_id for each in decide(first, second, at=2)] == [old] * 2


def test_a_merge_within_a_batch_applies_to_its_later_articles(decide: Decide) -> None:
    """Stories, bridge and copies may arrive in one batch."""
    batch = [*story(OLD, name="old"), *story(YOUNG, name="young"), bridge(OLD, YOUNG), copy_of(YOUNG, name="later")]
    decisions = decide(*batch)
    assert [len(each.merges) for each in decisions] == [0] * 8 + [1, 0]
    assert decisions[-1].story_id == decisions[-2].story_id == decisions[0].story_id


def test_a_merge_is_not_repeated_by_later_articles(decide: Decide) -> None:
    """Another bridge between merged stories is a variant like any other."""
    old, _, _ = merge_two(decide)
    (again,) = decide(bridge(OLD, YOUNG, name="second bridge"), at=2)
    assert (again.story_id, again.merges) == (old, ())


def test_a_replay_repeats_the_merge(decide: Decide) -> None:
    """The recorded decision has its merges, also if the article was revised since and its own story merged again."""
    _, _, first = merge_two(decide)
    (again,) = decide(bridge(OLD, YOUNG), at=3)
    assert again.trace.replayed
    assert without_trace(again) == without_trace(first)
    revised = replace(bridge(OLD, YOUNG, YOUNGEST), article_id="bridge")
    decide(revised, at=4)
    (superseded,) = decide(bridge(OLD, YOUNG), at=5)
    assert without_trace(superseded) == without_trace(first)


def test_a_replay_keeps_the_story_of_its_decision(decide: Decide) -> None:
    """An article that was decided before the merge repeats the event that was published then."""
    _, young, _ = merge_two(decide)
    replays = decide(*story(YOUNG, name="young"), at=2)
    assert {each.story_id for each in replays} == {young}
    assert all(each.trace.replayed for each in replays)


@pytest.mark.parametrize("first", [(OLD, YOUNG), (YOUNG, YOUNGEST)])
def test_merges_of_merged_stories_end_at_the_oldest(decide: Decide, first: tuple[int, int]) -> None:
    """In either order of two merges, the articles of all three stories belong to the oldest."""
    old, *_ = decide(*story(OLD, name="old"))
    decide(*story(YOUNG, name="young"))
    youngest, *_ = decide(*story(YOUNGEST, name="youngest"))
    (one,) = decide(bridge(*first), at=1)
    (other,) = decide(bridge(*((YOUNG, YOUNGEST) if first[0] == OLD else (OLD, YOUNG)), name="other bridge"), at=2)
    assert [len(each.merges) for each in (one, other)] == [1, 1]
    copies = [copy_of(paragraphs, name=str(paragraphs)) for paragraphs in (OLD, YOUNG, YOUNGEST)]
    assert {each.story_id for each in decide(*copies, at=3)} == {old.story_id}
    merged = {each.story_id: each.into for decision in (one, other) for each in decision.merges}
    root = youngest.story_id
    while root in merged:
        root = merged[root]
    assert root == old.story_id


def test_one_article_merges_several_stories(decide: Decide) -> None:
    """Each younger story is merged into the oldest, and has an event of its own."""
    decisions = [decide(*story(first, name=str(first)))[0] for first in (OLD, YOUNG, YOUNGEST)]
    (decision,) = decide(bridge(OLD, YOUNG, YOUNGEST))
    ids = [each.story_id for each in decisions]
    assert [(each.story_id, each.into) for each in decision.merges] == [(ids[1], ids[0]), (ids[2], ids[0])]


def test_a_merge_lasts_as_long_as_the_story(decide: Decide) -> None:
    """Copies of the younger story belong to the older one, also after the articles of the older one expired."""
    old, _, _ = merge_two(decide)
    text = make_text(*range(YOUNG, YOUNG + 5), YOUNG + 10, COMMON)
    for step in range(1, 6):
        copy = make_fingerprint(f"copy {step}", edit_words(text, 10 * step), source="copy.example")
        (decision,) = decide(copy, at=step * (WINDOW_MS - 10))
        assert (decision.story_id, decision.matched_article_id) == (old, "young-a")


def test_both_stories_expire_after_the_window(decide: Decide) -> None:
    """A window later neither story is known."""
    old, _, _ = merge_two(decide)
    (decision,) = decide(copy_of(YOUNG, name="late"), at=2 * WINDOW_MS)
    assert decision.type is EventType.NEW
    assert decision.story_id != old


def test_the_first_article_of_a_merged_story_founds_it_again_after_both_expired(decide: Decide) -> None:
    """The one case in which a decision after a merge names the younger story: its id depends on its first article."""
    _, young, _ = merge_two(decide)
    first, *_ = story(YOUNG, name="young")
    (decision,) = decide(first, at=3 * WINDOW_MS)
    assert (decision.type, decision.story_id, decision.trace.replayed) == (EventType.NEW, young, False)


@pytest.mark.redis
@pytest.mark.parametrize("name", ["partial copy", "covered copy", "exact copy", "revision", "other bridge"])
def test_a_merge_between_lookup_and_commit_is_a_conflict(redis_url: str, namespace: str, name: str) -> None:
    """An article that was looked up before its story was merged is decided again, and names the older story."""
    text = make_text(*range(YOUNG, YOUNG + 5), YOUNG + 10, COMMON)
    article = {
        "partial copy": make_fingerprint("x", make_text(YOUNG + 3, YOUNG + 4, 700), source="x.example"),
        "covered copy": make_fingerprint("x", edit_words(text, 9), source="x.example"),
        "exact copy": make_fingerprint("x", text, source="x.example"),
        "revision": make_fingerprint("young-a", edit_words(text, 9), source="a.example"),
        "other bridge": bridge(OLD, YOUNG, name="other"),
    }[name]
    with redis.Redis.from_url(redis_url) as client:
        one, other = (RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=300) for _ in range(2))
        (old, *_) = one.decide(namespace, [*story(OLD, name="old"), *story(YOUNG, name="young")], T0)
        pending = one.submit(namespace, [article], T0)
        (merging,) = other.decide(namespace, [bridge(OLD, YOUNG)], T0)
        (decision,) = pending.result()
    assert len(merging.merges) == 1
    assert (decision.type, decision.story_id, decision.merges) == (EventType.VARIANT, old.story_id, ())
    assert decision.trace.conflicts == 1


@pytest.mark.parametrize("is_merged", [False, True])
def test_buckets_of_merged_stories_hold_no_stock_phrase(decide: Decide, is_merged: bool) -> None:
    """Three stories with one passage make it a stock phrase. After a merge they are two, and its bands count."""
    passage = make_text(500)
    for first in (OLD, YOUNG):
        page = make_fingerprint(
            f"page {first}", f"{make_text(first, first + 1, first + 2)}\n{passage}", source="p.example"
        )
        decide(*story(first, name=str(first)), page)
    decide(make_fingerprint("page", f"{make_text(600, 601, 602)}\n{passage}", source="p.example"))
    if is_merged:
        assert decide(bridge(OLD, YOUNG))[0].merges
    (quote,) = decide(make_fingerprint("quote", passage, source="q.example"))
    assert (quote.trace.stop_bands > 0) is not is_merged
