"""Every key of an index, its type and its content. The namespace is the hash tag, so all are in one cluster slot.

    {ns}:reprise             hash    version, parameters, shards, id, seed, window_ms, replay_ms, rule;
                                     number (last reserved); added; cursor, swept_ms
    {ns}:VERSION:r:NUMBER    string  a representative: see records.py
    {ns}:VERSION:b:BAND:S    string  the buckets of one band whose row value % shards is S: entries of 8 bytes
    {ns}:VERSION:a:S         hash    article id (8 bytes of its hash) -> its latest decision, content hash, crawl time
    {ns}:VERSION:v:S         hash    article id, content hash (8 bytes each) -> a superseded decision, and the time
    {ns}:VERSION:p:S         hash    the same, of a revision -> the decision that it replaced, and the time
    {ns}:VERSION:t:S         hash    text (8 bytes of the content hash) -> the representative that covers it, last seen
    {ns}:VERSION:w:S         hash    text without ids and times (8 bytes) -> the pages that showed it, last seen:
                                     see page_codec.py
    {ns}:VERSION:m:STORY     string  a story that was merged: number and id of the story that it was merged into
    {ns}:VERSION:e:DECISION  string  the merges of a decision, whose events a replay repeats

A generation, if there is one, follows the namespace: {ns}:GENERATION:reprise, {ns}:GENERATION:VERSION:a:S. It allows a
second index of the same namespace in the same slot. Story ids do not depend on it.

S is the number of a shard. The number of shards of each kind is chosen so that a shard has some 64 to 128 entries at
the expected number of articles. A hash of this size stays a listpack (by default up to 512 fields, values up to 64
bytes) and is searched in some microseconds, and the overhead of a key, some 130 bytes, is shared by its entries.

STORY is the id of a story and DECISION an article id with a content hash, as in `v`, all as bytes. Both keys are rare.
The entry of a merged story outlives every record of that story: each match of such a record renews it, and lets it lead
to the story in which a chain of merges ends.

An entry of a bucket is three bytes of row value // shards and the representative's number, doubled plus one, in five.

Every key expires. The sweep removes single entries past their retention; keys without traffic expire as a whole.
"""

from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.model import Signature

#: Maximum entries of a shard at the expected number of articles. A hash with four times as many is still a listpack.
_ENTRIES_A_SHARD: Final = 128

#: Increase it with every change to the format of a key's content.
LAYOUT_VERSION: Final = 4


def shards_for(expected_articles: int) -> int:
    """Return the number of shards of each kind: a power of two, so that a row value splits into shard and fragment."""
    return 1 << max(0, (expected_articles - 1) // _ENTRIES_A_SHARD).bit_length()


def meta_key(namespace: str, generation: str | None = None) -> str:
    """Return the key that holds the version of a namespace's index; it is the only key without a version."""
    return f"{_root(namespace, generation)}reprise"


def prefix(namespace: str, version: str, generation: str | None = None) -> str:
    """Return the prefix of all other keys; the scripts derive them from it."""
    return f"{_root(namespace, generation)}{version}:"


def _root(namespace: str, generation: str | None) -> str:
    return f"{{{namespace}}}:{generation}:" if generation else f"{{{namespace}}}:"


def article_field(article_id: str) -> bytes:
    """Return eight bytes that stand for an article id; two of 10**6 articles share them with a chance of 3 * 10**-8."""
    return blake2b(article_id.encode("utf-8", "surrogatepass"), digest_size=8, person=b"reprise.article").digest()


def shard_of(field: bytes, shards: int) -> int:
    """Return the shard of an article field or of a content hash."""
    return int.from_bytes(field[:4], "big") % shards


def version_shard(version_field: bytes, shards: int) -> int:
    """Return the shard of a field of the hashes `v` and `p`: article field and eight bytes of a content hash.

    It depends on both, so that the many texts of one id ("undefined") do not share one key.
    """
    return (int.from_bytes(version_field[:4], "big") + int.from_bytes(version_field[8:12], "big")) % shards


def bucket_shards(signature: Signature, shards: int) -> NDArray[np.uint32]:
    """Return the shard of each band's bucket, shape (bands,)."""
    return _rows(signature) & np.uint32(shards - 1)


def bucket_fragments(signature: Signature, shards: int) -> bytes:
    """Return the fragment of each band's row, three bytes each; it distinguishes the buckets of a shard."""
    fragments = (_rows(signature) >> np.uint32((shards - 1).bit_length())).astype(">u4")
    return fragments.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


def entry_number(number: int) -> bytes:
    """Return a representative's number as it is stored in an entry of a bucket."""
    return (2 * number + 1).to_bytes(5, "big")


def _rows(signature: Signature) -> NDArray[np.uint32]:
    return np.frombuffer(signature.rows, dtype="<u4")
