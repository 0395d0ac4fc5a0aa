"""The contract of the index, for the memory index and the Redis index."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, EventType, Kind, Trace
from reprise.processing.namespace_fanout import submit_by_namespace
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text

T0 = 1_700_000_000_000
WINDOW_MS, REPLAY_MS = 60_000, 20_000
BASE = make_text(1, 2, 3, 4)
NEAR = edit_words(BASE, 5, 40)
HALF = make_text(1, 2, 8, 9)

DecidingIndex = MemoryIndex | RedisIndex
Decide = Callable[..., list[Decision]]


@pytest.fixture
def decide(index: DecidingIndex, namespace: str) -> Decide:
    """Return a function that decides articles at a number of milliseconds after T0."""
    return lambda *fingerprints, at=0: list(index.decide(namespace, fingerprints, T0 + at))


def test_first_article_founds_a_story(decide: Decide) -> None:
    """An article without a match is a new story, decided at the given time."""
    (decision,) = decide(make_fingerprint("a", BASE))
    assert (decision.type, decision.decided_at_ms, decision.kind) == (EventType.NEW, T0, None)
    assert decision.trace.indexed


def test_same_text_is_an_exact_variant(decide: Decide) -> None:
    """The same text with another id is an exact variant, also in the same batch."""
    founder, copy = decide(make_fingerprint("a", BASE), make_fingerprint("b", BASE))
    assert (copy.type, copy.kind, copy.story_id) == (EventType.VARIANT, Kind.EXACT, founder.story_id)
    assert (copy.similarity, copy.containment, copy.matched_article_id) == (1.0, 1.0, "a")
    assert not copy.trace.indexed


def test_small_edits_are_near_and_shared_paragraphs_partial(decide: Decide) -> None:
    """The kind of a variant depends on the similarity of the texts."""
    founder, near, partial = decide(
        make_fingerprint("a", BASE), make_fingerprint("b", NEAR), make_fingerprint("c", HALF)
    )
    assert (near.kind, near.story_id) == (Kind.NEAR, founder.story_id)
    assert (partial.kind, partial.story_id) == (Kind.PARTIAL, founder.story_id)
    assert near.similarity is not None
    assert partial.similarity is not None
    assert near.similarity > partial.similarity > 0.1
    assert partial.containment == pytest.approx(0.5, abs=0.15)


def test_unrelated_texts_are_two_stories(decide: Decide) -> None:
    """Two texts without a common shingle have different stories."""
    one, other = decide(make_fingerprint("a", BASE), make_fingerprint("b", make_text(20, 21, 22)))
    assert one.story_id != other.story_id
    assert other.type is EventType.NEW


def test_articles_of_one_source_need_more_similarity(decide: Decide) -> None:
    """A similarity that joins articles of two sources does not join two of one source, which share boilerplate."""
    lone = make_text(1, 2, 30, 31, 32, 33)
    base = make_text(1, 2, 3, 4, 5)
    pages = (
        make_fingerprint("a", base, source="x"),
        make_fingerprint("b", lone, source="x"),
        make_fingerprint("c", lone[:-1], source="y"),
    )
    decisions = decide(*pages)
    assert decisions[1].type is EventType.NEW
    assert decisions[2].type is EventType.VARIANT


def test_replay_repeats_the_recorded_decision(decide: Decide) -> None:
    """The same article and text get the first decision again, with its time."""
    first = decide(make_fingerprint("a", BASE), make_fingerprint("b", NEAR))
    again = decide(make_fingerprint("a", BASE), make_fingerprint("b", NEAR), at=5_000)
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


def test_revision_stays_in_its_story_and_has_the_superseded_decision(decide: Decide) -> None:
    """The same id with an edited text is a revision of the first decision."""
    original = make_fingerprint("a", BASE)
    founder, revision = decide(original, make_fingerprint("a", NEAR))
    assert (revision.kind, revision.story_id) == (Kind.REVISION, founder.story_id)
    assert revision.supersedes is not None
    assert revision.supersedes.content_hash == original.content_hash
    assert (revision.supersedes.type, revision.supersedes.story_id) == (EventType.NEW, founder.story_id)


def test_replayed_revision_has_the_same_superseded_decision(decide: Decide) -> None:
    """A replay of a revision has its superseded decision, too."""
    _, revision = decide(make_fingerprint("a", BASE), make_fingerprint("a", NEAR))
    (again,) = decide(make_fingerprint("a", NEAR), at=1_000)
    assert again.trace.replayed
    assert again.supersedes == revision.supersedes


def test_an_earlier_text_repeats_its_decision(decide: Decide) -> None:
    """For the texts A, B, A the decision on A is repeated and nothing is written: a later B is a replay of B."""
    first, second = decide(make_fingerprint("a", BASE), make_fingerprint("a", NEAR))
    back, forth = decide(make_fingerprint("a", BASE), make_fingerprint("a", NEAR), at=1_000)
    assert (back.trace.replayed, back.decided_at_ms, back.type) == (True, first.decided_at_ms, first.type)
    assert (forth.trace.replayed, forth.supersedes) == (True, second.supersedes)


def test_superseded_decisions_are_forgotten_after_the_replay_time(decide: Decide) -> None:
    """After the replay retention an earlier text of an article is decided again."""
    decide(make_fingerprint("a", BASE), make_fingerprint("a", NEAR))
    (back,) = decide(make_fingerprint("a", BASE), at=REPLAY_MS)
    assert not back.trace.replayed
    assert back.kind is Kind.REVISION


def test_replaced_text_leaves_its_story(decide: Decide) -> None:
    """A page with an entirely different text is a new story, so that a home page does not join unrelated news."""
    founder, other = decide(make_fingerprint("home", BASE), make_fingerprint("home", make_text(40, 41, 42)))
    assert other.type is EventType.NEW
    assert other.story_id != founder.story_id
    assert other.supersedes is None


def test_older_crawl_supersedes_nothing(decide: Decide) -> None:
    """After a late older crawl, the newer text is still the latest one."""
    newer, late, next_one = (
        make_fingerprint("a", BASE, crawled_at_ms=2_000),
        make_fingerprint("a", NEAR, crawled_at_ms=1_000),
        make_fingerprint("a", edit_words(BASE, 20), crawled_at_ms=3_000),
    )
    decisions = decide(newer, late, next_one)
    assert (decisions[1].kind, decisions[1].supersedes) == (Kind.REVISION, None)
    assert decisions[2].supersedes is not None
    assert decisions[2].supersedes.content_hash == newer.content_hash
    assert not decisions[1].trace.indexed


def test_story_is_forgotten_after_the_window(decide: Decide) -> None:
    """Representatives last seen a window ago are not found."""
    founder, *_ = decide(make_fingerprint("a", BASE))
    exact, near = decide(make_fingerprint("b", BASE), make_fingerprint("c", NEAR), at=WINDOW_MS)
    assert exact.type is EventType.NEW
    assert exact.story_id != founder.story_id
    assert near.story_id == exact.story_id


def test_variants_extend_the_retention_of_a_story(decide: Decide) -> None:
    """A match renews the window of its representative."""
    (founder,) = decide(make_fingerprint("a", BASE))
    for step in range(1, 6):
        (variant,) = decide(
            make_fingerprint(f"v{step}", NEAR + f"\n{make_text(100 + step)}"), at=step * (WINDOW_MS - 1)
        )
        assert variant.story_id == founder.story_id


def test_texts_without_a_signature_match_exact_copies_only(decide: Decide) -> None:
    """A text without prose founds a story, is not indexed, and only exact copies match it."""
    menu = "Home\nNews\nSport\nContact"
    founder, copy, other = decide(
        make_fingerprint("a", menu), make_fingerprint("b", menu), make_fingerprint("c", menu + "\nHelp")
    )
    assert (founder.type, founder.trace.indexed) == (EventType.NEW, False)
    assert (copy.kind, copy.story_id, copy.matched_article_id) == (Kind.EXACT, founder.story_id, "a")
    assert other.type is EventType.NEW


def test_texts_without_words_are_compared_by_their_characters(decide: Decide) -> None:
    """Different texts without words are different stories."""
    one, other, again = decide(make_fingerprint("a", "!!!"), make_fingerprint("b", "???"), make_fingerprint("c", "!!!"))
    assert one.type is EventType.NEW
    assert other.type is EventType.NEW
    assert again.story_id == one.story_id


def test_stock_phrases_are_no_evidence(decide: Decide) -> None:
    """A passage of three stories does not join a fourth article."""
    shared = make_text(50)
    pages = [
        make_fingerprint(f"p{n}", f"{make_text(60 + 2 * n, 61 + 2 * n)}\n{shared}", source="same") for n in range(3)
    ]
    assert all(decision.type is EventType.NEW for decision in decide(*pages))
    (fourth,) = decide(make_fingerprint("q", shared, source="other"))
    assert fourth.type is EventType.NEW
    assert fourth.trace.stop_bands > 0


def test_full_buckets_are_counted(decide: Decide) -> None:
    """A story with more representatives than the maximum of a bucket is still found."""
    pages = [make_fingerprint(f"p{n}", f"{BASE}\n{make_text(200 + n)}") for n in range(RULE.bucket_entries + 3)]
    decisions = decide(*pages)
    assert len({decision.story_id for decision in decisions}) == 1
    assert decisions[-1].trace.full_buckets > 0
    assert decisions[-1].trace.candidates <= RULE.candidates


def test_namespaces_are_separate(index: DecidingIndex, namespace: str) -> None:
    """The same article in another namespace is a new story, with another id."""
    (one,) = index.decide(namespace, [make_fingerprint("a", BASE)], T0)
    (other,) = index.decide(namespace + "-other", [make_fingerprint("b", BASE)], T0)
    assert other.type is EventType.NEW
    assert one.story_id != other.story_id


def test_a_batch_with_several_namespaces_is_decided_as_separate_batches(index: DecidingIndex, namespace: str) -> None:
    """The decisions equal those of each namespace alone. A second batch replays them."""
    texts = [BASE, NEAR, HALF, BASE, make_text(20, 21), edit_words(NEAR, 9), BASE]
    batch = [
        replace(make_fingerprint(f"{name}-{number}", text), namespace=f"{namespace}-{name}")
        for number, text in enumerate(texts)
        for name in ("en", "fr", "de")[: number % 3 + 1]
    ]
    decisions = submit_by_namespace(index, batch, T0).result()
    reference = MemoryIndex(rule=RULE, retention=RETENTION)
    for name in {fingerprint.namespace for fingerprint in batch}:
        numbers = [number for number, fingerprint in enumerate(batch) if fingerprint.namespace == name]
        alone = reference.decide(name, [batch[number] for number in numbers], T0)
        assert [decisions[number] for number in numbers] == alone
    again = submit_by_namespace(index, batch, T0 + 1).result()
    assert [replace(decision, trace=Trace()) for decision in again] == [
        replace(decision, trace=Trace()) for decision in decisions
    ]
    assert all(decision.trace.replayed for decision in again)


def test_ids_have_any_characters(decide: Decide) -> None:
    """A matched article id of 256 bytes with special characters is returned unchanged."""
    long_id = "é:{}\0\n" * 36
    decide(make_fingerprint(long_id, BASE))
    (copy,) = decide(make_fingerprint("b", BASE))
    assert copy.matched_article_id == long_id
