"""Derive the ids of articles, stories and events as hashes of their parts.

Each id is 32 hexadecimal digits (128 bits of BLAKE2b). Each kind of id has its own hash domain (BLAKE2b's `person`, at
most 16 bytes), so that equal input never produces equal ids of two kinds. Replays and upgrades must produce the same
ids: the bytes that are hashed here never change.
"""

from hashlib import blake2b
from typing import Final

from reprise.model import EventType

#: Bytes of an id. With 128 bits, two of 10^15 ids collide with a chance of 10^-9.
_ID_BYTES: Final = 16


def article_id_of_url(canonical_url: str) -> str:
    """Return the id of an article that its message identifies by a URL alone."""
    return _digest(b"reprise.url", canonical_url.encode())


def article_id_of_text(text: str) -> str:
    """Return the id of an article whose message has neither an id nor a web address."""
    return _digest(b"reprise.text", text.encode())


def story_id(namespace: str, article_id: str, content_hash: bytes) -> str:
    """Return the id of the story whose first article is this one."""
    return _digest(b"reprise.story", _frame(namespace.encode(), article_id.encode(), content_hash))


def event_id(namespace: str, article_id: str, content_hash: bytes, event_type: EventType, story: str) -> str:
    """Return the id of the event of this type that assigns an article with this content to a story."""
    parts = (namespace.encode(), article_id.encode(), content_hash, event_type.value.encode(), story.encode())
    return _digest(b"reprise.event", _frame(*parts))


def merge_event_id(namespace: str, story: str, into: str) -> str:
    """Return the id of the event that merges a story into another one."""
    parts = (namespace.encode(), EventType.MERGED.value.encode(), story.encode(), into.encode())
    return _digest(b"reprise.merge", _frame(*parts))


def _frame(*parts: bytes) -> bytes:
    """Join parts, each after its length in four bytes, so that ("ab", "c") and ("a", "bc") differ."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _digest(domain: bytes, content: bytes) -> str:
    return blake2b(content, digest_size=_ID_BYTES, person=domain).hexdigest()
