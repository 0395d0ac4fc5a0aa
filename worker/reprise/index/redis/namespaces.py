"""Prepare namespaces: create or check the index of each, and find the index of its previous generation."""

import secrets
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import redis
from redis.exceptions import MovedError, NoScriptError, ResponseError

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.seeds import SEED_BITS
from reprise.dedup.text.version import TEXT_VERSION
from reprise.errors import IndexMismatch
from reprise.index.redis.codec import Keyspace, longest_ttl_ms
from reprise.index.redis.errors import REDIS_ERRORS
from reprise.index.redis.keys import LAYOUT_VERSION, meta_key, prefix, shards_for
from reprise.index.redis.records import StoredRecord
from reprise.index.redis.script_client import ScriptClient
from reprise.index.redis.scripts import script
from reprise.index.redis.stored_rule import apply_stored_rule, format_rule
from reprise.model import FIXED_SEED
from reprise.processing.ports import StageObserver

#: Layouts that a warm-up can learn from: the entries that it reads have the same format in all of them.
_LEARNABLE_LAYOUTS: Final = (1, 2, 3, LAYOUT_VERSION)


@dataclass(slots=True, kw_only=True)
class OpenNamespace:
    """A prepared namespace.

    rule         the rule with the thresholds that are stored with the index
    seed         seed of the permutations of its signatures
    previous     the index that `learn` learns from
    is_rehashed  whether that index hashes texts in another way
    records      cached records by number, the least recently used first
    """

    keyspace: Keyspace
    rule: Rule
    seed: int
    previous: Keyspace | None
    is_rehashed: bool
    records: OrderedDict[int, StoredRecord] = field(default_factory=OrderedDict)


class NamespaceRegistry:
    """The namespaces that this worker has prepared."""

    def __init__(
        self,
        scripts: ScriptClient,
        *,
        rule: Rule,
        retention: Retention,
        expected_articles: int,
        generation: str | None,
        previous: str | None,
        has_secret_seed: bool,
        observe_stage: StageObserver,
    ) -> None:
        """Prepare nothing yet; see RedisIndex for the arguments."""
        self.scripts = scripts
        self._rule = rule
        self.retention = retention
        self.observe_stage = observe_stage
        self._generation = generation
        self._previous = previous
        self._has_secret_seed = has_secret_seed
        self._shards = shards_for(expected_articles)
        self._parameters = parameters(rule)
        self._version = blake2b(self._parameters.encode(), digest_size=3).hexdigest()
        self._open: dict[str, OpenNamespace] = {}
        #: The seed that each namespace had last. An index that was lost is created again with its seed, so that the
        #: signatures that the workers hold stay valid.
        self._seeds: dict[str, int] = {}

    def get(self, namespace: str) -> OpenNamespace | None:
        """Return a namespace if it is prepared. May be called from any thread."""
        return self._open.get(namespace)

    def seed_of(self, namespace: str) -> int:
        """Return the seed that a namespace had when it was prepared last. Raises what `prepare` raises."""
        return self._seeds[namespace] if namespace in self._seeds else self.prepare(namespace).seed

    def open(self, namespace: str) -> OpenNamespace:
        """Return a namespace, prepared if it was not. Raises what `prepare` raises."""
        return self._open.get(namespace) or self.prepare(namespace)

    def prepare(self, namespace: str) -> OpenNamespace:
        """Create the namespace's index, or check the existing one, whose number of shards does not change.

        The index keeps what the longest retention of its workers so far needs, so a shorter one has no effect. Its
        thresholds and its seed are those of the worker that created it.

        Raises Unreachable, IndexMismatch, Fatal.
        """
        scripts = self.scripts
        arguments = (
            self._version,
            self._parameters,
            self._shards,
            longest_ttl_ms(self.retention),
            uuid.uuid4().hex,
            self.retention.window_ms,
            self.retention.replay_ms,
            format_rule(self._rule),
            self._seeds[namespace] if namespace in self._seeds else self._new_seed(),
        )
        try:
            version, stored_parameters, shards, index_id, window_ms, replay_ms, stored_rule, seed = scripts.client.eval(
                script("prepare").text, 1, scripts.key(namespace), *arguments
            )
            previous, is_rehashed = self._find_previous(namespace)
        except REDIS_ERRORS as error:
            raise scripts.translate(error) from error
        if version.decode() != self._version:
            raise IndexMismatch(
                f"namespace {namespace!r} holds an index written with {stored_parameters.decode()}; this worker has "
                f"{self._parameters}: set REPRISE_INDEX_GENERATION to use a separate index, and take over from the "
                "worker of the old one with `reprise run --warm-up` (docs: Operating, Upgrades); or set "
                "REPRISE_NAMESPACE, or wait until the old index has expired"
            )
        # Load the scripts before the first batch. If another worker loaded them while a batch is sent, the first
        # commits of the batch would fail and later ones succeed: articles would be committed out of order.
        scripts.load(namespace)
        keyspace = Keyspace(
            id=index_id,
            prefix=prefix(namespace, self._version, self._generation),
            shards=int(shards),
            bands=self._rule.permutations,
            retention=Retention(window_seconds=int(window_ms) / 1000, replay_seconds=int(replay_ms) / 1000),
        )
        opened = OpenNamespace(
            keyspace=keyspace,
            rule=apply_stored_rule(self._rule, stored_rule.decode()),
            seed=int(seed),
            previous=previous,
            is_rehashed=is_rehashed,
        )
        self._open[namespace] = opened
        self._seeds[namespace] = opened.seed
        return opened

    def recover(self, namespace: str, error: Exception) -> None:
        """Prepare a retry of the batch after a script error; raise the translated error if no retry can help."""
        if isinstance(error, NoScriptError):
            self.scripts.load(namespace)
        elif isinstance(error, MovedError) and isinstance(self.scripts.client, redis.RedisCluster):
            self.scripts.refresh_slots()
        elif isinstance(error, ResponseError) and str(error).startswith("INDEXLOST"):
            # The index expired, or another worker created it again. The next look-up prepares it.
            self._open.pop(namespace, None)
        else:
            raise self.scripts.translate(error) from error

    def _new_seed(self) -> int:
        return secrets.randbits(SEED_BITS) if self._has_secret_seed else FIXED_SEED

    def _find_previous(self, namespace: str) -> tuple[Keyspace | None, bool]:
        """Find the previous generation, and whether it hashes texts in another way. Raises Redis's errors."""
        if self._previous == self._generation:
            return None, False
        reply: Any = self.scripts.client.hmget(meta_key(namespace, self._previous), ["version", "parameters", "shards"])
        version, stored_parameters, shards = reply
        if version is None or not any(
            f" layout={layout} " in stored_parameters.decode() for layout in _LEARNABLE_LAYOUTS
        ):
            return None, False
        keyspace = Keyspace(
            id=b"",
            prefix=prefix(namespace, version.decode(), self._previous),
            shards=int(shards),
            bands=0,
            retention=self.retention,
            shards_versions=f" layout={LAYOUT_VERSION} " in stored_parameters.decode(),
        )
        return keyspace, not stored_parameters.decode().startswith(f"text={TEXT_VERSION} ")


def parameters(rule: Rule) -> str:
    """Return, as text, the parameters that must be equal in all workers that share an index."""
    return f"text={TEXT_VERSION} layout={LAYOUT_VERSION} permutations={rule.permutations} sketch={rule.sketch_size}"
