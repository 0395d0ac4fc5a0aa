"""What every index promises, run against the reference in memory and against Redis."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, EventType, Kind, Trace
from reprise.processing.namespace_fanout import submit_by_namespace
from tests.contract.conftest import RETENTION
from tests.contract.streams import RULE, article, edited, text_of

T0 = 1_700_000_000_000
WINDOW_MS, REPLAY_MS = 60_000, 20_000
BASE = text_of(1, 2, 3, 4)
NEAR = edited(BASE, 5, 40)
HALF = text_of(1, 2, 8, 9)

DecidingIndex = MemoryIndex | RedisIndex
Decide = Callable[..., list[Decision]]


@pytest.fixture
def decide(index: DecidingIndex, namespace: str) -> Decide:
    """Decide articles at a number of milliseconds after T0."""
    return lambda *fingerprints, at=0: list(index.decide(namespace, fingerprints, T0 + at))


def test_first_article_founds_a_story(decide: Decide) -> None:
    """An article that matches nothing is a new story, decided at the time that was handed in."""
    (decision,) = decide(article("a", BASE))
    assert (decision.type, decision.decided_at_ms, decision.kind) == (EventType.NEW, T0, None)
    assert decision.trace.indexed


def test_same_text_is_an_exact_variant(decide: Decide) -> None:
    """The same text under another id is an exact variant, also when both come in one batch."""
    founder, copy = decide(article("a", BASE), article("b", BASE))
    assert (copy.type, copy.kind, copy.story_id) == (EventType.VARIANT, Kind.EXACT, founder.story_id)
    assert (copy.similarity, copy.containment, copy.matched_article_id) == (1.0, 1.0, "a")
    assert not copy.trace.indexed


def test_small_edits_are_near_and_shared_paragraphs_partial(decide: Decide) -> None:
    """The kind of a variant follows from how alike the texts are."""
    founder, near, partial = decide(article("a", BASE), article("b", NEAR), article("c", HALF))
    assert (near.kind, near.story_id) == (Kind.NEAR, founder.story_id)
    assert (partial.kind, partial.story_id) == (Kind.PARTIAL, founder.story_id)
    assert near.similarity is not None
    assert partial.similarity is not None
    assert near.similarity > partial.similarity > 0.1
    assert partial.containment == pytest.approx(0.5, abs=0.15)


def test_unrelated_texts_found_stories_of_their_own(decide: Decide) -> None:
    """Two texts without a shingle in common are two stories."""
    one, other = decide(article("a", BASE), article("b", text_of(20, 21, 22)))
    assert one.story_id != other.story_id
    assert other.type is EventType.NEW


def test_within_one_source_more_is_asked(decide: Decide) -> None:
    """What joins two sources does not join two pages of one, which share boilerplate."""
    lone = text_of(1, 2, 30, 31, 32, 33)
    base = text_of(1, 2, 3, 4, 5)
    pages = article("a", base, source="x"), article("b", lone, source="x"), article("c", lone[:-1], source="y")
    decisions = decide(*pages)
    assert decisions[1].type is EventType.NEW
    assert decisions[2].type is EventType.VARIANT


def test_replay_repeats_the_recorded_decision(decide: Decide) -> None:
    """The same article and text at a later time get the decision of the first time, its time included."""
    first = decide(article("a", BASE), article("b", NEAR))
    again = decide(article("a", BASE), article("b", NEAR), at=5_000)
    for one, other in zip(first, again, strict=True):
        assert other.trace.replayed
        assert (one.type, one.story_id, one.decided_at_ms, one.kind) == (
            other.type,
            other.story_id,
            other.decided_at_ms,
            other.kind,
        )
        assert (one.similarity, one.containment, one.matched_article_id) == (
            other.similarity,
            other.containment,
            other.matched_article_id,
        )


def test_revision_stays_in_its_story_and_names_what_it_supersedes(decide: Decide) -> None:
    """The same id with changed text is a revision, and says which event it takes the place of."""
    original = article("a", BASE)
    founder, revision = decide(original, article("a", NEAR))
    assert (revision.kind, revision.story_id) == (Kind.REVISION, founder.story_id)
    assert revision.supersedes is not None
    assert revision.supersedes.content_hash == original.content_hash
    assert (revision.supersedes.type, revision.supersedes.story_id) == (EventType.NEW, founder.story_id)


def test_replayed_revision_names_the_same_superseded_event(decide: Decide) -> None:
    """A revision that is given again still says what it superseded."""
    _, revision = decide(article("a", BASE), article("a", NEAR))
    (again,) = decide(article("a", NEAR), at=1_000)
    assert again.trace.replayed
    assert again.supersedes == revision.supersedes


def test_going_back_to_an_older_text_repeats_its_decision(decide: Decide) -> None:
    """A, B, A emits A's event again and leaves the index alone: a later B is a replay of B."""
    first, second = decide(article("a", BASE), article("a", NEAR))
    back, forth = decide(article("a", BASE), article("a", NEAR), at=1_000)
    assert (back.trace.replayed, back.decided_at_ms, back.type) == (True, first.decided_at_ms, first.type)
    assert (forth.trace.replayed, forth.supersedes) == (True, second.supersedes)


def test_superseded_decisions_are_forgotten_after_the_replay_time(decide: Decide) -> None:
    """After the replay time an older text of an article is decided anew."""
    decide(article("a", BASE), article("a", NEAR))
    (back,) = decide(article("a", BASE), at=REPLAY_MS)
    assert not back.trace.replayed
    assert back.kind is Kind.REVISION


def test_changed_page_leaves_its_story(decide: Decide) -> None:
    """A page whose text is replaced altogether is decided afresh: a home page must not glue a month of news."""
    founder, other = decide(article("home", BASE), article("home", text_of(40, 41, 42)))
    assert other.type is EventType.NEW
    assert other.story_id != founder.story_id
    assert other.supersedes is None


def test_older_crawl_replaces_nothing(decide: Decide) -> None:
    """A crawl that arrives late supersedes nothing and leaves the newer text the latest one."""
    newer, late, next_one = (
        article("a", BASE, crawled_at_ms=2_000),
        article("a", NEAR, crawled_at_ms=1_000),
        article("a", edited(BASE, 20), crawled_at_ms=3_000),
    )
    decisions = decide(newer, late, next_one)
    assert (decisions[1].kind, decisions[1].supersedes) == (Kind.REVISION, None)
    assert decisions[2].supersedes is not None
    assert decisions[2].supersedes.content_hash == newer.content_hash
    assert not decisions[1].trace.indexed


def test_story_is_forgotten_after_the_window(decide: Decide) -> None:
    """Nothing that was seen a window ago is found any more."""
    founder, *_ = decide(article("a", BASE))
    exact, near = decide(article("b", BASE), article("c", NEAR), at=WINDOW_MS)
    assert exact.type is EventType.NEW
    assert exact.story_id != founder.story_id
    assert near.story_id == exact.story_id


def test_story_lives_while_variants_arrive(decide: Decide) -> None:
    """A match keeps its representative alive, window after window."""
    (founder,) = decide(article("a", BASE))
    for step in range(1, 6):
        (variant,) = decide(article(f"v{step}", NEAR + f"\n{text_of(100 + step)}"), at=step * (WINDOW_MS - 1))
        assert variant.story_id == founder.story_id


def test_texts_without_a_signature_match_exact_copies_only(decide: Decide) -> None:
    """A text that is no prose founds a story, is not indexed, and is matched by its exact copy alone."""
    menu = "Home\nNews\nSport\nContact"
    founder, copy, other = decide(article("a", menu), article("b", menu), article("c", menu + "\nHelp"))
    assert (founder.type, founder.trace.indexed) == (EventType.NEW, False)
    assert (copy.kind, copy.story_id, copy.matched_article_id) == (Kind.EXACT, founder.story_id, "a")
    assert other.type is EventType.NEW


def test_empty_texts_are_no_copies_of_prose(decide: Decide) -> None:
    """Texts without a single word are told apart by their characters."""
    one, other, again = decide(article("a", "!!!"), article("b", "???"), article("c", "!!!"))
    assert one.type is EventType.NEW
    assert other.type is EventType.NEW
    assert again.story_id == one.story_id


def test_stock_phrases_stop_counting(decide: Decide) -> None:
    """A passage that stands in three stories joins no fourth."""
    shared = text_of(50)
    pages = [article(f"p{n}", f"{text_of(60 + 2 * n, 61 + 2 * n)}\n{shared}", source="same") for n in range(3)]
    assert all(decision.type is EventType.NEW for decision in decide(*pages))
    (fourth,) = decide(article("q", shared, source="other"))
    assert fourth.type is EventType.NEW
    assert fourth.trace.stop_bands > 0


def test_buckets_are_bounded_and_the_bound_is_counted(decide: Decide) -> None:
    """A story with more representatives than a bucket takes stays found, and says that buckets are full."""
    pages = [article(f"p{n}", f"{BASE}\n{text_of(200 + n)}") for n in range(RULE.bucket_entries + 3)]
    decisions = decide(*pages)
    assert len({decision.story_id for decision in decisions}) == 1
    assert decisions[-1].trace.full_buckets > 0
    assert decisions[-1].trace.candidates <= RULE.candidates


def test_namespaces_know_nothing_of_each_other(index: DecidingIndex, namespace: str) -> None:
    """The same article in another namespace is a new story, with another id."""
    (one,) = index.decide(namespace, [article("a", BASE)], T0)
    (other,) = index.decide(namespace + "-other", [article("b", BASE)], T0)
    assert other.type is EventType.NEW
    assert one.story_id != other.story_id


def test_a_batch_of_several_namespaces_is_decided_as_each_alone(index: DecidingIndex, namespace: str) -> None:
    """Each namespace's articles are decided in their order, as if there were no other; told again, they repeat."""
    texts = [BASE, NEAR, HALF, BASE, text_of(20, 21), edited(NEAR, 9), BASE]
    batch = [
        replace(article(f"{name}-{number}", text), namespace=f"{namespace}-{name}")
        for number, text in enumerate(texts)
        for name in ("en", "fr", "de")[: number % 3 + 1]
    ]
    decisions = submit_by_namespace(index, batch, T0).result()
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    for each in {fingerprint.namespace for fingerprint in batch}:
        numbers = [number for number, fingerprint in enumerate(batch) if fingerprint.namespace == each]
        alone = reference.decide(each, [batch[number] for number in numbers], T0)
        assert [decisions[number] for number in numbers] == alone
    again = submit_by_namespace(index, batch, T0 + 1).result()
    assert [replace(decision, trace=Trace()) for decision in again] == [
        replace(decision, trace=Trace()) for decision in decisions
    ]
    assert all(decision.trace.replayed for decision in again)


def test_long_ids_and_any_characters_come_back_whole(decide: Decide) -> None:
    """An article id of 256 bytes with any characters is returned as it came."""
    long_id = "é:{}\0\n" * 36
    decide(article(long_id, BASE))
    (copy,) = decide(article("b", BASE))
    assert copy.matched_article_id == long_id


def test_older_story_wins_where_two_sources_support_it(decide: Decide) -> None:
    """Two stories that began apart stop growing in parallel once a text is well supported by both."""
    one, other = text_of(1, 2, 3, 4, 5, 6), text_of(11, 12, 13, 14, 15, 16)
    first, second, third = decide(
        article("a", one, source="a"),
        article("b", text_of(1, 2, 3, 7), source="b"),
        article("c", other, source="c"),
    )
    assert second.story_id == first.story_id
    assert third.type is EventType.NEW
    bridge = f"{text_of(1, 2, 3)}\n{text_of(11, 12, 13, 14, 15)}"
    (decision,) = decide(article("d", bridge, source="d"))
    assert decision.story_id == first.story_id
