"""Run scripts on the server that holds a namespace: a single server, or a node of a cluster."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import redis

from reprise.errors import RepriseError, Unreachable
from reprise.index.redis.codec import Argument
from reprise.index.redis.errors import REDIS_ERRORS, translate_redis_error
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from reprise.index.redis.split_pipeline import OrderedConnection, SplitPipeline
from reprise.model import OutageKind

#: Scripts that are called by their digest.
_LOADED_SCRIPTS: Final = ("lookup", "commit", "sweep", "reserve_numbers", "find_previous")


class ScriptClient:
    """The scripts of one generation of each namespace. Every method that calls Redis raises Unreachable, Fatal.

    Not safe for several threads, except `node` and `translate`.
    """

    def __init__(self, client: redis.Redis | redis.RedisCluster, generation: str | None) -> None:
        self.client = client
        self._generation = generation
        #: connections with replies in flight, by the pool of their server
        self._connections: dict[Any, OrderedConnection] = {}

    def key(self, namespace: str) -> str:
        """Return the key of a namespace that the scripts declare."""
        return meta_key(namespace, self._generation)

    def call(self, namespace: str, name: str, arguments: Iterable[Argument]) -> tuple[Any, ...]:
        """Return the command that runs a script on a namespace."""
        return ("EVALSHA", script(name).sha, 1, self.key(namespace), *arguments)

    def send(self, namespace: str, commands: Sequence[tuple[Any, ...]]) -> SplitPipeline:
        """Send commands to the server that holds a namespace. It runs them after those that were sent before."""
        try:
            return SplitPipeline(self._connection(self.node(self.key(namespace))), commands)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def _connection(self, client: redis.Redis) -> OrderedConnection:
        """Return the connection of a server that has replies in flight; else a new one."""
        connection = self._connections.get(client.connection_pool)
        if connection is None or connection.is_idle:
            # The idle ones are removed: a cluster may have replaced their servers.
            self._connections = {pool: used for pool, used in self._connections.items() if not used.is_idle}
            connection = self._connections[client.connection_pool] = OrderedConnection(client)
        return connection

    def receive(self, sent: SplitPipeline) -> list[Any]:
        """Return the replies to commands; the reply of a failed command is its error."""
        try:
            return sent.receive()
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def load(self, namespace: str) -> None:
        """Load the scripts on the server that holds the namespace; the other nodes of a cluster may be down."""
        try:
            for name in _LOADED_SCRIPTS:
                self.node(self.key(namespace)).script_load(script(name).text)
        except REDIS_ERRORS as error:
            raise self.translate(error) from error

    def translate(self, error: Exception) -> RepriseError:
        """Translate an error of redis-py. A failover may be the cause: the next call looks for the server again.

        The slots of a cluster are read again. If a single server refuses writes, its name may lead to another server by
        now, while the old one keeps the connections open: they are closed, so that the name is resolved again.
        """
        self.refresh_slots()
        translated = translate_redis_error(error)
        refuses_writes = isinstance(translated, Unreachable) and translated.kind is OutageKind.REFUSES_WRITES
        if refuses_writes and isinstance(self.client, redis.Redis):
            self.client.connection_pool.disconnect(inuse_connections=False)
        return translated

    def refresh_slots(self) -> None:
        """Read the slot map of a cluster again: the client of a single node does not follow MOVED."""
        if isinstance(self.client, redis.RedisCluster):
            with suppress(*REDIS_ERRORS):  # the cluster is still unreachable; the next failure tries again
                self.client.nodes_manager.initialize()

    def node(self, key: str) -> redis.Redis:
        """Return the client of the server that holds a key. RedisCluster itself cannot pipeline scripts.

        The client of a node does not follow ASK. It must not: while a slot is moved key by key, scripts on the new node
        would treat the keys that have not been moved yet as missing.
        """
        if isinstance(self.client, redis.RedisCluster):
            node = self.client.get_node_from_key(key)  # type: ignore[no-untyped-call]
            if node is None:
                raise Unreachable("redis: no node of the cluster holds the namespace")
            return self.client.get_redis_connection(node)
        return self.client
