"""A slot on its way to another node: key by key, as `redis-cli --cluster reshard` moves it, or whole, by the server."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import redis

from deploy.local.stack import wait_until
from tests.cluster.servers import AGREE_SECONDS, Node, RedisCluster, slot_of

#: Milliseconds that MIGRATE may take for a handful of keys.
_MIGRATE_MS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move, step by step: begin, keys until there are none, finish. Or whole."""

    cluster: RedisCluster
    slot: int
    source: Node
    target: Node

    def begin(self) -> None:
        """Open the slot at both ends."""
        self.target.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.id)
        self.source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.id)

    def keys(self, count: int) -> int:
        """Move so many keys, or what is left; return how many that were."""
        keys: Sequence[str] = self.source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, count)
        self.these(keys)
        return len(keys)

    def these(self, keys: Sequence[str | bytes]) -> None:
        """Move some keys, in one step."""
        if keys:
            self.source.ask("MIGRATE", "127.0.0.1", self.target.port, "", 0, _MIGRATE_MS, "KEYS", *keys)

    def finish(self) -> None:
        """Give the slot to the target, which is told first: from then on somebody answers for it."""
        for node in (self.target, self.source, *self.cluster.primaries()):
            node.ask("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.id)

    def by_keys(self, count: int) -> None:
        """Make the whole move, so many keys at once."""
        self.begin()
        while self.keys(count):
            pass
        self.finish()

    def whole(self) -> None:
        """Let the server make the move, and return when the target holds the slot (Valkey 9)."""
        self.source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", self.slot, self.slot, "NODE", self.target.id)
        wait_until(lambda: self.target.holds(self.slot), AGREE_SECONDS, "a slot that has moved")


def moving(cluster: RedisCluster, namespace: str) -> Move:
    """Say where a namespace is and where it goes; nothing has happened yet."""
    slot, source = slot_of(namespace), cluster.holder(namespace)
    target = next(node for node in cluster.primaries() if node is not source)
    return Move(cluster=cluster, slot=slot, source=source, target=target)


def moves_whole(cluster: RedisCluster) -> bool:
    """Tell whether the servers can move a slot by themselves."""
    with suppress(redis.ResponseError):
        cluster.nodes[0].ask("CLUSTER", "GETSLOTMIGRATIONS")
        return True
    return False
