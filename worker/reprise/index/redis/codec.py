"""What the scripts take and give, as bytes: the one place that knows their ARGV and their answers."""

import struct
from collections.abc import Sequence
from typing import Any, Final, TypedDict

import orjson

from reprise.dedup.decision import Rule, source_key
from reprise.dedup.retention import Retention
from reprise.index.redis.inspect_types import IndexStats, RecordedDecision, StoredRepresentative
from reprise.index.redis.keys import article_field
from reprise.messages.ids import story_id
from reprise.model import Decision, EventType, Fingerprint, Kind, Signature, Superseded, Trace

#: A key outlives what it holds by this share of the longest retention: clocks differ, and a sweep comes a little late.
_MARGIN: Final = 0.1
_LEAST_MARGIN_MS: Final = 1000

_KINDS: Final = {
    b"N": None,
    b"E": Kind.EXACT,
    b"A": Kind.NEAR,
    b"P": Kind.PARTIAL,
    b"R": Kind.REVISION,
    b"r": Kind.REVISION,
}

#: The source of a record whose article named none.
_NO_SOURCE: Final = bytes(8)


class PreviousIndex(TypedDict):
    """An index whose decisions are learnt: where its keys are, and whether its content hashes are others than ours."""

    prefix: str
    shards: int
    rehashed: bool


def pack_settings(
    version: str, prefix: str, shards: int, rule: Rule, retention: Retention, heritage: PreviousIndex | None = None
) -> bytes:
    """ARGV[1] of every script, the same for all calls of a namespace."""
    return orjson.dumps(
        {
            "version": version,
            "prefix": prefix,
            "shards": shards,
            "window_ms": retention.window_ms,
            "record_ms": retention.record_ms,
            "replay_ms": retention.replay_ms,
            "margin_ms": margin_ms(retention),
            "rule": rule,
            "heritage": heritage,
        }
    )


def margin_ms(retention: Retention) -> int:
    """How much longer than its content a key lives."""
    return max(_LEAST_MARGIN_MS, round(_MARGIN * retention.record_ms))


def pack_article(
    namespace: str, fingerprint: Fingerprint, now_ms: int, *, learning: bool = False
) -> tuple[bytes | str | int, ...]:
    """ARGV[2:] of decide."""
    founds = story_id(namespace, fingerprint.article_id, fingerprint.content_hash)
    return (
        now_ms,
        fingerprint.article_id.encode("utf-8", "surrogatepass"),
        article_field(fingerprint.article_id),
        fingerprint.content_hash,
        source_key(fingerprint.source),
        fingerprint.crawled_at_ms or 0,
        bytes.fromhex(founds),
        *_pack_signature(fingerprint.signature),
        int(learning),
    )


def _pack_signature(signature: Signature | None) -> tuple[bytes | int, ...]:
    if signature is None:
        return (b"", b"", b"", 0, 0)
    sketch = bytearray(struct.pack(f">{len(signature.sketch)}I", *signature.sketch))
    del sketch[::4]  # the high byte of each, which is 0: a hash has 24 bits
    return (
        struct.pack(f">{len(signature.rows)}I", *signature.rows),
        bytes(sketch),
        signature.passages,
        signature.size,
        signature.words,
    )


def unpack_decision(answer: Sequence[Any]) -> Decision:
    """Read decide's answer."""
    code, similarity, containment, decided_ms, story, matched, content, superseded, before, *trace = answer
    replayed, candidates, stopped, full, indexed = trace
    kind = _KINDS[code]
    return Decision(
        type=_type_of(code),
        story_id=story.hex(),
        decided_at_ms=decided_ms,
        kind=kind,
        similarity=similarity / 10_000 if kind else None,
        containment=containment / 10_000 if kind else None,
        matched_article_id=matched.decode("utf-8", "surrogatepass") if kind else None,
        supersedes=Superseded(content_hash=content, type=_type_of(superseded), story_id=before.hex())
        if content
        else None,
        trace=Trace(
            candidates=candidates,
            stop_bands=stopped,
            full_buckets=full,
            indexed=bool(indexed),
            replayed=bool(replayed),
        ),
    )


def unpack_survey(answers: Sequence[Sequence[int]], shards: int) -> IndexStats:
    """Add the answers of survey, and estimate the whole from the shards that they looked at."""
    looked, _, *counts = (sum(column) for column in zip(*(answer[:-2] for answer in answers), strict=True))
    representatives, founders, articles, superseded, revisions, texts = (
        round(count * shards / looked) for count in counts
    )
    seen_ms = [moment for answer in answers for moment in answer[-2:] if moment]
    return IndexStats(
        shards_read=looked,
        representatives=representatives,
        founders=founders,
        articles=articles,
        superseded=superseded,
        revisions=revisions,
        texts=texts,
        oldest_ms=min(seen_ms, default=None),
        newest_ms=max(seen_ms, default=None),
    )


def unpack_representative(answer: Sequence[Any]) -> StoredRepresentative:
    """Read one record of find_story's answer."""
    number, story, article_id, source, size, seen_ms = answer
    return StoredRepresentative(
        number=number,
        is_founder=number == story,
        article_id=article_id.decode("utf-8", "surrogatepass"),
        source=None if source == _NO_SOURCE else source.hex(),
        size=size,
        seen_ms=seen_ms,
    )


def unpack_recorded(answer: Sequence[Any]) -> RecordedDecision:
    """Read find_article's answer."""
    code, decided_ms, told, now, matched = answer
    return RecordedDecision(
        type=_type_of(code),
        kind=_KINDS[code],
        decided_at_ms=decided_ms,
        told_story_id=told.hex(),
        story_id=(now or told).hex(),
        matched_article_id=matched.decode("utf-8", "surrogatepass") or None,
    )


def _type_of(code: bytes) -> EventType:
    return EventType.NEW if code == b"N" else EventType.VARIANT
