"""Pack and unpack recorded decisions, the decisions that revisions replaced, and the merges of decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import Struct
from typing import Final

from reprise.index.types import LatestDecision, StoredDecision
from reprise.model import EventType, Kind, StoryMerge, Superseded

#: The byte that encodes the kind of a decision: N new, D new and doubted, W no article, E exact, A near, P partial,
#: R revision, r a late revision.
_CODES: Final[Mapping[bytes, Kind | None]] = {
    b"N": None,
    b"D": None,
    b"W": None,
    b"E": Kind.EXACT,
    b"A": Kind.NEAR,
    b"P": Kind.PARTIAL,
    b"R": Kind.REVISION,
    b"r": Kind.REVISION,
}
_LATE_REVISION: Final = b"r"
_NEW: Final = b"N"
_DOUBTED: Final = b"D"
_NO_ARTICLE: Final = b"W"
_SPECIAL_CODES: Final = frozenset({_LATE_REVISION, _DOUBTED, _NO_ARTICLE})
_CODE_OF: Final = {kind: code for code, kind in _CODES.items() if code not in _SPECIAL_CODES}

#: Offset of the code of a latest decision: the crawl time and the content hash come before it.
_LATEST_CODE: Final = 22

#: Shares (0..1) are stored as integers in units of 1 / _SHARE_PARTS.
_SHARE_PARTS: Final = 10_000

#: One merge of a decision.
_MERGE: Final = Struct(">16s16sHH")


def pack_decision(decision: StoredDecision) -> bytes:
    """Pack a decision: code 1 byte, similarity 2, containment 2, decided_at_ms 6, number 5, story id 16."""
    return b"".join(
        (
            _code(decision),
            round(decision.similarity * _SHARE_PARTS).to_bytes(2, "big"),
            round(decision.containment * _SHARE_PARTS).to_bytes(2, "big"),
            decision.decided_at_ms.to_bytes(6, "big"),
            decision.representative.to_bytes(5, "big"),
            bytes.fromhex(decision.story_id),
        )
    )


def _code(decision: StoredDecision) -> bytes:
    if not decision.is_article:
        return _NO_ARTICLE
    if decision.is_doubted:
        return _DOUBTED
    is_late_revision = decision.is_late and decision.kind is Kind.REVISION
    return _LATE_REVISION if is_late_revision else _CODE_OF[decision.kind]


def mark_doubted(latest: bytes, number: int) -> bytes:
    """Mark the packed latest decision of an article as doubted if it founded a story with this representative.

    commit.lua does the same.
    """
    code, representative = latest[_LATEST_CODE : _LATEST_CODE + 1], latest[_LATEST_CODE + 11 : _LATEST_CODE + 16]
    if code != _NEW or int.from_bytes(representative, "big") != number:
        return latest
    return latest[:_LATEST_CODE] + _DOUBTED + latest[_LATEST_CODE + 1 :]


def unpack_decision(packed: bytes) -> StoredDecision:
    """Undo `pack_decision`."""
    return StoredDecision(
        kind=_CODES[packed[:1]],
        similarity=int.from_bytes(packed[1:3], "big") / _SHARE_PARTS,
        containment=int.from_bytes(packed[3:5], "big") / _SHARE_PARTS,
        decided_at_ms=int.from_bytes(packed[5:11], "big"),
        story_id=packed[16:32].hex(),
        representative=int.from_bytes(packed[11:16], "big"),
        is_late=packed[:1] == _LATE_REVISION,
        is_article=packed[:1] != _NO_ARTICLE,
        is_doubted=packed[:1] == _DOUBTED,
    )


def unpack_latest(packed: bytes) -> LatestDecision:
    """Unpack the latest decision of an article id: crawl time 6 bytes, content hash 16, the decision."""
    return LatestDecision(
        decision=unpack_decision(packed[_LATEST_CODE:]),
        content_hash=packed[6:22],
        crawled_at_ms=int.from_bytes(packed[:6], "big") or None,
    )


def recorded(
    latest: LatestDecision | None, version: bytes, content_hash: bytes, replaced: bytes, merges: bytes
) -> StoredDecision:
    """Return the decision on a text: the latest one of its article id, or a superseded one.

    version, replaced, merges  the superseded decision, what the decision replaced, and its merges, as stored
    """
    is_latest = latest is not None and latest.content_hash == content_hash
    decision = latest.decision if latest and is_latest else unpack_decision(version[6:])
    return complete(decision, replaced, merges)


def complete(decision: StoredDecision, replaced: bytes, merges: bytes) -> StoredDecision:
    """Add the merges of a decision, and the decision that a revision replaced; a late revision replaced none."""
    if merges:
        decision = replace(decision, merges=_unpack_merges(merges))
    if decision.kind is not Kind.REVISION or decision.is_late or not replaced:
        return decision
    superseded = Superseded(
        content_hash=replaced[6:22],
        type=EventType.NEW if replaced[22:23] == b"N" else EventType.VARIANT,
        story_id=replaced[23:39].hex(),
    )
    return replace(decision, supersedes=superseded)


def pack_merges(merges: Sequence[StoryMerge]) -> bytes:
    """Pack the merges of a decision: each the ids of both stories 16 bytes, sources and representatives 2 each."""
    return b"".join(
        _MERGE.pack(bytes.fromhex(merge.story_id), bytes.fromhex(merge.into), merge.sources, merge.representatives)
        for merge in merges
    )


def _unpack_merges(packed: bytes) -> tuple[StoryMerge, ...]:
    return tuple(
        StoryMerge(story_id=story.hex(), into=into.hex(), sources=sources, representatives=representatives)
        for story, into, sources, representatives in _MERGE.iter_unpack(packed)
    )


def pack_replaced(stored: StoredDecision, now_ms: int) -> bytes:
    """Pack the decision that a revision replaced: now_ms 6 bytes, content hash 16, code 1, story id 16."""
    replaced = stored.supersedes
    if replaced is None:
        return b""
    code = b"N" if replaced.type is EventType.NEW else b"P"
    return now_ms.to_bytes(6, "big") + replaced.content_hash + code + bytes.fromhex(replaced.story_id)
