"""Move a slot to another node: key by key as `redis-cli --cluster reshard` does, or atomically by the server."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import redis

from deploy.local.stack import wait_until
from tests.cluster.servers import AGREEMENT_SECONDS, ClusterNode, RedisCluster, slot_of

#: Timeout of MIGRATE in milliseconds.
_MIGRATE_TIMEOUT_MS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMigration:
    """A migration, either in steps (begin, move keys until none is left, finish) or in one call."""

    cluster: RedisCluster
    slot: int
    source: ClusterNode
    target: ClusterNode

    def begin(self) -> None:
        """Mark the slot as migrating and importing."""
        self.target.execute("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.id)
        self.source.execute("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.id)

    def move_keys(self, count: int) -> int:
        """Move up to this number of keys, and return the number moved."""
        keys = self.source.keys_in_slot(self.slot, count)
        self.move(keys)
        return len(keys)

    def move(self, keys: Sequence[str] | Sequence[bytes]) -> None:
        """Move these keys in one step."""
        if keys:
            self.source.execute("MIGRATE", "127.0.0.1", self.target.port, "", 0, _MIGRATE_TIMEOUT_MS, "KEYS", *keys)

    def finish(self) -> None:
        """Assign the slot to the target, at the target first, so that one node always serves the slot."""
        for node in (self.target, self.source, *self.cluster.primaries()):
            node.execute("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.id)

    def move_key_by_key(self, count: int) -> None:
        """Run all steps, with this number of keys at once."""
        self.begin()
        while self.move_keys(count):
            pass
        self.finish()

    def move_atomically(self) -> None:
        """Start a migration by the server (Valkey 9) and wait until the target has the slot."""
        self.source.execute("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", self.slot, self.slot, "NODE", self.target.id)
        wait_until(lambda: self.target.has_slot(self.slot), AGREEMENT_SECONDS, "the end of the migration")


def plan_migration(cluster: RedisCluster, namespace: str) -> SlotMigration:
    """Return the migration of a namespace to another primary. It is not started."""
    slot, source = slot_of(namespace), cluster.primary_of(namespace)
    target = next(node for node in cluster.primaries() if node is not source)
    return SlotMigration(cluster=cluster, slot=slot, source=source, target=target)


def supports_atomic_migration(cluster: RedisCluster) -> bool:
    """Return whether the servers can move a slot atomically."""
    with suppress(redis.ResponseError):
        cluster.nodes[0].execute("CLUSTER", "GETSLOTMIGRATIONS")
        return True
    return False
