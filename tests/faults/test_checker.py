"""The checker itself: it passes what keeps the promise, and catches each kind of broken one by its own sentence."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.faults.checker import CounterExample, History, Promise, Record, Verdict, judge, judge_commits

ONCE = Promise(copies=False)
AT_LEAST_ONCE = Promise(copies=True)
STORE_LOST = Promise(copies=True, store_lost=True)


def article(offset: int, text: str | None, *, article_id: str | None = None, partition: int = 0) -> Record:
    value = None if text is None else json.dumps({"id": article_id or f"a{offset}", "text": text}).encode()
    trace = f"trace-{partition}-{offset}".encode()
    return Record(
        topic="in", partition=partition, offset=offset, key=b"k", value=value, headers=(("traceparent", trace),)
    )


def event(about: Record, event_id: str, story: str, *, new: bool, offset: int = 0) -> Record:
    body = {
        "event_id": event_id,
        "type": "story.new" if new else "story.variant",
        "story_id": story,
        "article": {"id": json.loads(about.value or b"")["id"]},
    }
    return Record(
        topic="new" if new else "variants",
        partition=0,
        offset=offset,
        key=story.encode(),
        value=json.dumps(body).encode(),
        headers=(("ce_id", event_id.encode()), *about.headers),
    )


def dead_letter(about: Record, *, time: bytes = b"now", offset: int = 0) -> Record:
    headers = (
        ("reprise-dead-reason", b"json"),
        ("reprise-dead-topic", b"in"),
        ("reprise-dead-partition", b"%d" % about.partition),
        ("reprise-dead-offset", b"%d" % about.offset),
        ("reprise-dead-time", time),
    )
    return Record(
        topic="dead", partition=0, offset=offset, key=about.key, value=about.value, headers=(*about.headers, *headers)
    )


FOUNDER, REPRINT, OTHER, TOMBSTONE = article(0, "one"), article(1, "one"), article(2, "two"), article(3, None)
BROKEN = replace(article(4, ""), value=b"{")
DAMAGED = Record(topic="in", partition=0, offset=5, damaged=True)

KEPT = History(
    articles=[FOUNDER, REPRINT, OTHER, TOMBSTONE, BROKEN, DAMAGED],
    new=[event(FOUNDER, "e0", "s1", new=True), event(OTHER, "e2", "s2", new=True, offset=1)],
    variants=[event(REPRINT, "e1", "s1", new=False)],
    dead=[dead_letter(BROKEN), replace(dead_letter(DAMAGED, offset=1), key=None, value=b"")],
    committed={0: 6},
)


@pytest.mark.parametrize("promise", [ONCE, AT_LEAST_ONCE, STORE_LOST])
def test_a_kept_promise_passes(promise: Promise) -> None:
    """Events, dead letters, a tombstone and an undecodable position, each with the outcome that it must have."""
    assert judge(KEPT, promise) == Verdict(articles=5, events=3, dead=2, doubled=0)
    judge_commits(KEPT)


def test_nothing_sent_and_nothing_told_passes() -> None:
    """An empty run breaks no promise."""
    empty = History(articles=[], new=[], variants=[], dead=[], committed={})
    assert judge(empty, ONCE) == Verdict(articles=0, events=0, dead=0, doubled=0)


def test_copies_in_the_same_words_pass_at_least_once_alone() -> None:
    """The same event and the same dead letter again, given up at another time, are counted; once is once."""
    doubled = replace(
        KEPT,
        new=[*KEPT.new, replace(KEPT.new[0], offset=2)],
        dead=[*KEPT.dead, dead_letter(BROKEN, time=b"later", offset=2)],
    )
    assert judge(doubled, AT_LEAST_ONCE).doubled == 2
    with pytest.raises(CounterExample, match=r"in\[0\]@0 was told 2 times"):
        judge(doubled, ONCE)


def reheaded(record: Record, name: str, value: bytes) -> Record:
    return replace(record, headers=tuple((each, value if each == name else old) for each, old in record.headers))


FOUNDER_AGAIN = event(FOUNDER, "e9", "s1", new=True, offset=2)
SECOND_FOUNDER = event(REPRINT, "e8", "s8", new=True, offset=2)

BROKEN_PROMISES = {
    "lost": (replace(KEPT, new=KEPT.new[:1], committed={0: 2}), r"in\[0\]@2 is lost"),
    "a lost dead letter": (replace(KEPT, dead=KEPT.dead[1:], committed={}), r"in\[0\]@4 is lost"),
    "a lost position": (replace(KEPT, dead=KEPT.dead[:1], committed={}), r"in\[0\]@5 is lost"),
    "committed past undelivered": (replace(KEPT, new=KEPT.new[:1]), r"in\[0\]@2 led to nothing.* committed up to 6"),
    "another event for one article": (replace(KEPT, new=[*KEPT.new, FOUNDER_AGAIN]), r"@0 led to 2 different events"),
    "other words": (
        replace(KEPT, new=[*KEPT.new, replace(KEPT.new[0], offset=2, value=(KEPT.new[0].value or b"") + b" ")]),
        r"@0 was told again in other words",
    ),
    "other words in a dead letter": (
        replace(KEPT, dead=[*KEPT.dead, reheaded(dead_letter(BROKEN, offset=2), "reprise-dead-reason", b"text")]),
        r"@4 was told again in other words",
    ),
    "an event and a dead letter": (
        replace(KEPT, dead=[*KEPT.dead, dead_letter(OTHER, offset=2)]),
        r"@2 led to an event and to a dead letter",
    ),
    "an orphan variant": (
        replace(KEPT, variants=[event(REPRINT, "e1", "s7", new=False)]),
        r"variants\[0\]@0 is a variant of story s7, which nothing announced",
    ),
    "two founders": (
        replace(KEPT, new=[*KEPT.new, SECOND_FOUNDER], variants=[]),
        r"@0 and in\[0\]@1 have one text and founded two stories, s1 and s8",
    ),
    "an event of nothing": (
        replace(KEPT, new=[*KEPT.new, event(article(9, "x"), "e9", "s9", new=True, offset=2)]),
        r"new\[0\]@2 tells of no article",
    ),
    "a dead letter of nothing": (
        replace(KEPT, dead=[*KEPT.dead, dead_letter(article(9, "x"), offset=2)]),
        r"dead letter of in \(0, 9\), where no article is",
    ),
    "an event of another article": (
        replace(KEPT, new=[KEPT.new[0], replace(event(article(2, "x", article_id="b"), "e2", "s2", new=True))]),
        r"tells of article 'b', and in\[0\]@2 is 'a2'",
    ),
    "two ids": (replace(KEPT, new=[KEPT.new[0], reheaded(KEPT.new[1], "ce_id", b"e7")]), r"another id in its header"),
    "another's bytes in a dead letter": (
        replace(KEPT, dead=[replace(KEPT.dead[0], value=b"["), KEPT.dead[1]]),
        r"does not keep the bytes of in\[0\]@4",
    ),
    "a variant among the new": (
        replace(KEPT, new=[*KEPT.new, replace(KEPT.variants[0], topic="new", offset=2)], variants=[]),
        r"new\[0\]@2 is no story.new",
    ),
    "no JSON": (replace(KEPT, new=[replace(KEPT.new[0], value=b"?")]), r"new\[0\]@0 is no JSON"),
}


@pytest.mark.parametrize(("history", "words"), BROKEN_PROMISES.values(), ids=BROKEN_PROMISES)
def test_each_broken_promise_is_caught(history: History, words: str) -> None:
    """The counter-example names the record and says what is wrong with it."""
    with pytest.raises(CounterExample, match=words):
        judge(history, AT_LEAST_ONCE)


def test_two_founders_pass_only_where_the_store_was_lost() -> None:
    """After a loss of Redis's data a text may be announced again under another id, in any way of delivery."""
    history, _ = BROKEN_PROMISES["two founders"]
    assert judge(history, STORE_LOST).events == 3
    assert judge(history, Promise(copies=False, store_lost=True)).events == 3
    with pytest.raises(CounterExample):
        judge(history, ONCE)


@pytest.mark.parametrize("missing", ["lost", "committed past undelivered", "an orphan variant"])
def test_a_lost_store_excuses_nothing_else(missing: str) -> None:
    """An article that led to nothing and a variant without a story are broken promises all the same."""
    history, words = BROKEN_PROMISES[missing]
    with pytest.raises(CounterExample, match=words):
        judge(history, STORE_LOST)


def test_commits_are_judged_at_any_moment() -> None:
    """In the middle of a run what is not committed may be undelivered, and what is committed may not."""
    middle = replace(KEPT, new=KEPT.new[:1], dead=[], committed={0: 2})
    judge_commits(middle)
    with pytest.raises(CounterExample, match=r"in\[0\]@2 led to nothing"):
        judge_commits(replace(middle, committed={0: 3}))


def test_partitions_are_judged_each_by_its_own_commit() -> None:
    """A commit of one partition excuses and accuses no other."""
    elsewhere = article(0, "far", partition=1)
    both = replace(KEPT, articles=[*KEPT.articles, elsewhere])
    judge_commits(both)
    with pytest.raises(CounterExample, match=r"in\[1\]@0 is lost"):
        judge(both, AT_LEAST_ONCE)
    with pytest.raises(CounterExample, match=r"in\[1\]@0 led to nothing"):
        judge_commits(replace(both, committed={0: 6, 1: 1}))


@pytest.mark.parametrize("module", ["checker", "topic_recorder", "load"])
def test_the_judge_shares_no_code_with_the_worker(module: str) -> None:
    """Importing what produces, reads and judges brings in nothing of the worker, be it by a detour."""
    program = f"import sys, tests.faults.{module}; print([m for m in sys.modules if m.split('.')[0] == 'reprise'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
