"""The checker accepts runs that keep the guarantees and reports each kind of violation with its own message."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.faults.checker import CounterExample, Guarantees, History, Record, RunCounts, judge, judge_commits

ONCE = Guarantees(allow_copies=False)
AT_LEAST_ONCE = Guarantees(allow_copies=True)
INDEX_LOST = Guarantees(allow_copies=True, is_index_lost=True)


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


def merge(about: Record, event_id: str, story: str, into: str, *, offset: int = 0) -> Record:
    article = {"id": json.loads(about.value or b"")["id"]}
    body = {"event_id": event_id, "type": "story.merged", "story_id": story, "into": into, "article": article}
    return Record(
        topic="merged",
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
MALFORMED = replace(article(4, ""), value=b"{")
CORRUPT = Record(topic="in", partition=0, offset=5, is_corrupt=True)

VALID = History(
    articles=[FOUNDER, REPRINT, OTHER, TOMBSTONE, MALFORMED, CORRUPT],
    new=[event(FOUNDER, "e0", "s1", new=True), event(OTHER, "e2", "s2", new=True, offset=1)],
    variants=[event(REPRINT, "e1", "s1", new=False)],
    dead=[dead_letter(MALFORMED), replace(dead_letter(CORRUPT, offset=1), key=None, value=b"")],
    committed={0: 6},
)


#: Two stories, an article of the younger one that merges it into the older one, and a later copy of its first text.
BRIDGE, COPY = article(6, "one two"), article(7, "two")
MERGED = replace(
    VALID,
    articles=[*VALID.articles, BRIDGE, COPY],
    variants=[*VALID.variants, event(BRIDGE, "e6", "s1", new=False), event(COPY, "e7", "s1", new=False, offset=1)],
    merged=[merge(BRIDGE, "m1", "s2", "s1")],
    committed={0: 8},
)


@pytest.mark.parametrize("guarantees", [ONCE, AT_LEAST_ONCE, INDEX_LOST])
def test_a_merge_makes_two_stories_one(guarantees: Guarantees) -> None:
    """Events on one text may name both stories if a merge says that they are one."""
    assert judge(MERGED, guarantees) == RunCounts(articles=7, events=5, dead=2, copies=0, merges=1)


def test_equal_copies_of_a_merge_are_accepted_with_at_least_once_only() -> None:
    """A repeated merge is counted as a copy."""
    copied = replace(MERGED, merged=[*MERGED.merged, replace(MERGED.merged[0], offset=1)])
    assert (judge(copied, AT_LEAST_ONCE).copies, judge(copied, AT_LEAST_ONCE).merges) == (1, 1)
    with pytest.raises(CounterExample, match=r"merged\[0\]@0 and merged\[0\]@1 are one merge, published twice"):
        judge(copied, ONCE)


@pytest.mark.parametrize("guarantees", [ONCE, AT_LEAST_ONCE, INDEX_LOST])
def test_a_valid_run_is_accepted(guarantees: Guarantees) -> None:
    """Articles, a malformed message, a tombstone and a corrupt position, each with its outcome."""
    assert judge(VALID, guarantees) == RunCounts(articles=5, events=3, dead=2, copies=0)
    judge_commits(VALID)


def test_an_empty_run_is_accepted() -> None:
    """No input needs no output."""
    empty = History(articles=[], new=[], variants=[], dead=[], committed={})
    assert judge(empty, ONCE) == RunCounts(articles=0, events=0, dead=0, copies=0)


def test_equal_copies_are_accepted_with_at_least_once_only() -> None:
    """Copies of an event and of a dead letter, with another time of the rejection, are counted."""
    copied = replace(
        VALID,
        new=[*VALID.new, replace(VALID.new[0], offset=2)],
        dead=[*VALID.dead, dead_letter(MALFORMED, time=b"later", offset=2)],
    )
    assert judge(copied, AT_LEAST_ONCE).copies == 2
    with pytest.raises(CounterExample, match=r"in\[0\]@0 was published 2 times"):
        judge(copied, ONCE)


def with_header(record: Record, name: str, value: bytes) -> Record:
    return replace(record, headers=tuple((key, value if key == name else old) for key, old in record.headers))


FOUNDER_AGAIN = event(FOUNDER, "e9", "s1", new=True, offset=2)
SECOND_FOUNDER = event(REPRINT, "e8", "s8", new=True, offset=2)

VIOLATIONS = {
    "lost": (replace(VALID, new=VALID.new[:1], committed={0: 2}), r"in\[0\]@2 is lost"),
    "a lost dead letter": (replace(VALID, dead=VALID.dead[1:], committed={}), r"in\[0\]@4 is lost"),
    "a lost position": (replace(VALID, dead=VALID.dead[:1], committed={}), r"in\[0\]@5 is lost"),
    "committed without an outcome": (
        replace(VALID, new=VALID.new[:1]),
        r"in\[0\]@2 has no outcome.* committed up to 6",
    ),
    "another event for one article": (replace(VALID, new=[*VALID.new, FOUNDER_AGAIN]), r"@0 has 2 different events"),
    "an event with other content": (
        replace(VALID, new=[*VALID.new, replace(VALID.new[0], offset=2, value=(VALID.new[0].value or b"") + b" ")]),
        r"@0 was published again with other content",
    ),
    "a dead letter with other content": (
        replace(
            VALID, dead=[*VALID.dead, with_header(dead_letter(MALFORMED, offset=2), "reprise-dead-reason", b"text")]
        ),
        r"@4 was published again with other content",
    ),
    "an event and a dead letter": (
        replace(VALID, dead=[*VALID.dead, dead_letter(OTHER, offset=2)]),
        r"@2 has an event and a dead letter",
    ),
    "an orphan variant": (
        replace(VALID, variants=[event(REPRINT, "e1", "s7", new=False)]),
        r"variants\[0\]@0 is a variant of story s7, which was not announced",
    ),
    "two founders": (
        replace(VALID, new=[*VALID.new, SECOND_FOUNDER], variants=[]),
        r"@0 and in\[0\]@1 have one text and founded two stories, s1 and s8",
    ),
    "an event without an article": (
        replace(VALID, new=[*VALID.new, event(article(9, "x"), "e9", "s9", new=True, offset=2)]),
        r"new\[0\]@2 has the trace of no produced article",
    ),
    "a dead letter without a message": (
        replace(VALID, dead=[*VALID.dead, dead_letter(article(9, "x"), offset=2)]),
        r"dead letter of in \(0, 9\), where no article is",
    ),
    "an event of another article": (
        replace(VALID, new=[VALID.new[0], replace(event(article(2, "x", article_id="b"), "e2", "s2", new=True))]),
        r"is about article 'b', but in\[0\]@2 is 'a2'",
    ),
    "two ids": (
        replace(VALID, new=[VALID.new[0], with_header(VALID.new[1], "ce_id", b"e7")]),
        r"different ids in its header and in its body",
    ),
    "a dead letter with other bytes": (
        replace(VALID, dead=[replace(VALID.dead[0], value=b"["), VALID.dead[1]]),
        r"does not have the bytes of in\[0\]@4",
    ),
    "a variant among the new": (
        replace(VALID, new=[*VALID.new, replace(VALID.variants[0], topic="new", offset=2)], variants=[]),
        r"new\[0\]@2 is no story.new",
    ),
    "two stories of one text without a merge": (
        replace(MERGED, merged=[]),
        r"in\[0\]@2 and in\[0\]@7 have one text and two stories, s2 and s1",
    ),
    "a merge of an unknown story": (
        replace(MERGED, merged=[merge(BRIDGE, "m1", "s7", "s1")]),
        r"merged\[0\]@0 names story s7, which was not announced",
    ),
    "a merge into an unknown story": (
        replace(MERGED, merged=[merge(BRIDGE, "m1", "s2", "s7")]),
        r"merged\[0\]@0 names story s7, which was not announced",
    ),
    "a merge without an article": (
        replace(MERGED, merged=[merge(article(9, "x"), "m1", "s2", "s1")]),
        r"merged\[0\]@0 was shown by no article with an event",
    ),
    "a merge of a dead letter": (
        replace(MERGED, merged=[replace(MERGED.merged[0], headers=(("ce_id", b"m1"), *MALFORMED.headers))]),
        r"merged\[0\]@0 was shown by no article with an event",
    ),
    "a merge with another article": (
        replace(MERGED, merged=[replace(merge(OTHER, "m1", "s2", "s1"), headers=MERGED.merged[0].headers)]),
        r"merged\[0\]@0 is about article 'a2', but in\[0\]@6 is 'a6'",
    ),
    "a merge with another key": (
        replace(MERGED, merged=[replace(MERGED.merged[0], key=b"s1")]),
        r"merged\[0\]@0 does not have the merged story as its key",
    ),
    "a merge with other content": (
        replace(MERGED, merged=[*MERGED.merged, merge(BRIDGE, "m1", "s1", "s2", offset=1)]),
        r"merged\[0\]@0 was published again with other content",
    ),
    "a cycle of merges": (
        replace(MERGED, merged=[*MERGED.merged, merge(BRIDGE, "m2", "s1", "s2", offset=1)]),
        r"closes a cycle of merges",
    ),
    "an event among the merges": (
        replace(MERGED, merged=[replace(MERGED.variants[0], topic="merged")]),
        r"merged\[0\]@0 is no story.merged",
    ),
    "no JSON": (replace(VALID, new=[replace(VALID.new[0], value=b"?")]), r"new\[0\]@0 is no JSON"),
}


@pytest.mark.parametrize(("history", "message"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_each_violation_is_reported(history: History, message: str) -> None:
    """The counter-example names the record and the violation."""
    with pytest.raises(CounterExample, match=message):
        judge(history, AT_LEAST_ONCE)


def test_two_founders_are_accepted_only_after_a_loss_of_the_index() -> None:
    """After a loss of Redis's data, a text may be announced again with another id, in both delivery modes."""
    history, _ = VIOLATIONS["two founders"]
    assert judge(history, INDEX_LOST).events == 3
    assert judge(history, Guarantees(allow_copies=False, is_index_lost=True)).events == 3
    with pytest.raises(CounterExample):
        judge(history, ONCE)


@pytest.mark.parametrize("violation", ["lost", "committed without an outcome", "an orphan variant"])
def test_other_violations_are_reported_after_a_loss_of_the_index(violation: str) -> None:
    """An article without an outcome and a variant without a story violate the guarantees nevertheless."""
    history, message = VIOLATIONS[violation]
    with pytest.raises(CounterExample, match=message):
        judge(history, INDEX_LOST)


def test_commits_are_checked_during_a_run() -> None:
    """Articles without an outcome are accepted if they are not committed."""
    middle = replace(VALID, new=VALID.new[:1], dead=[], committed={0: 2})
    judge_commits(middle)
    with pytest.raises(CounterExample, match=r"in\[0\]@2 has no outcome"):
        judge_commits(replace(middle, committed={0: 3}))


def test_each_partition_is_checked_with_its_own_commit() -> None:
    """A commit of one partition has no effect on another."""
    other_partition = article(0, "far", partition=1)
    both = replace(VALID, articles=[*VALID.articles, other_partition])
    judge_commits(both)
    with pytest.raises(CounterExample, match=r"in\[1\]@0 is lost"):
        judge(both, AT_LEAST_ONCE)
    with pytest.raises(CounterExample, match=r"in\[1\]@0 has no outcome"):
        judge_commits(replace(both, committed={0: 6, 1: 1}))


@pytest.mark.parametrize("module", ["checker", "topic_recorder", "load"])
def test_the_checker_imports_no_code_of_the_worker(module: str) -> None:
    """The modules that produce, record and check import nothing of the worker, also indirectly."""
    program = f"import sys, tests.faults.{module}; print([m for m in sys.modules if m.split('.')[0] == 'reprise'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
