"""Every key of an index, its type and what it means. All carry the namespace as hash tag: one slot of a cluster.

    {ns}:reprise             hash    version, parameters, shards; number (the last one given); cursor, swept_ms
    {ns}:VERSION:r:NUMBER    string  a representative: see lua/parts/records.lua
    {ns}:VERSION:b:BAND:S    hash    buckets of one band: row value / shards -> numbers of representatives
    {ns}:VERSION:a:S         hash    article id (8 bytes of its hash) -> its latest decision, content hash, crawl time
    {ns}:VERSION:v:S         hash    article id, content hash (8 bytes each) -> a superseded decision, and when it was
    {ns}:VERSION:p:S         hash    the same of a revision -> the decision that it supersedes, and when
    {ns}:VERSION:t:S         hash    text (8 bytes of the content hash) -> the representative that covers it, when seen

A generation, where there is one, stands behind the namespace: {ns}:GENERATION:reprise, {ns}:GENERATION:VERSION:a:S.
It makes room for a second index of the same namespace beside the first, in the same slot; ids do not know of it.

S is a shard's number. The hashes have so many shards that each holds some 64 to 128 fields at the expected number of
articles: few enough to stay a listpack (by default up to 512 fields, values up to 64 bytes) and to be searched in
some microseconds, enough to spread a key's own cost of some 130 bytes. Redis's listpacks keep integers in as few
bytes as they need: so buckets have integer fields, and a bucket of one has an integer value.

Every key expires. The sweep removes single entries that are too old; a key's own expiry collects what nobody touches.
"""

from hashlib import blake2b
from typing import Final

#: Fields a shard holds at most at the expected number of articles, see above: four times as many are still a listpack.
_FIELDS_A_SHARD: Final = 128

#: Changes whenever what a key holds changes its form.
LAYOUT_VERSION: Final = 1


def shards_for(expected_articles: int) -> int:
    """How many shards each kind of hash has: a power of two, so that a row value splits into shard and field."""
    return 1 << max(0, (expected_articles - 1) // _FIELDS_A_SHARD).bit_length()


def meta_key(namespace: str, generation: str | None = None) -> str:
    """The one key that does not carry the version: it says which version the namespace's index holds."""
    return f"{_root(namespace, generation)}reprise"


def prefix(namespace: str, version: str, generation: str | None = None) -> str:
    """What the scripts derive all other keys from."""
    return f"{_root(namespace, generation)}{version}:"


def _root(namespace: str, generation: str | None) -> str:
    return f"{{{namespace}}}:{generation}:" if generation else f"{{{namespace}}}:"


def article_field(article_id: str) -> bytes:
    """Eight bytes that stand for an article id; two of 10**6 articles share them with a chance of 3 * 10**-8."""
    return blake2b(article_id.encode("utf-8", "surrogatepass"), digest_size=8, person=b"reprise.article").digest()
