"""A Redis Cluster of processes on the loopback interface: three primaries with one replica each."""

import os
import random
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import redis
from redis.crc import key_slot

from deploy.local.stack import run_child, tail, wait_until
from deploy.local.stack.redis_local import SERVER_OPTIONS, server_binary
from tests.support import unavailable

#: Number of primaries, each with one replica: the minimum of which a majority survives the loss of one.
PRIMARIES: Final = 3

#: Number of slots of a cluster.
SLOTS: Final = 16_384

#: Milliseconds without a response until a node counts as failed. On a busy machine shorter times give false failures.
NODE_TIMEOUT_MS: Final = 1_500

#: Range of the nodes' ports, and offset of their cluster bus ports. Both are below the range of ephemeral ports.
_PORTS: Final = (11_000, 22_000)
_BUS_OFFSET: Final = 10_000

#: Maximum seconds until all nodes agree. Gossip takes a few on an idle machine.
AGREEMENT_SECONDS: Final = 60.0

#: Timeout of a command in seconds.
_COMMAND_SECONDS: Final = 5.0


@dataclass(kw_only=True)
class ClusterNode:
    """A server of the cluster. `id` is its id in the cluster."""

    port: int
    directory: Path
    id: str = ""
    process: Any = None

    @property
    def log(self) -> Path:
        """The log of the server."""
        return self.directory.with_suffix(".log")

    @cached_property
    def _client(self) -> redis.Redis:
        return self.client()

    def client(self) -> redis.Redis:
        """Return a client of this node that follows no redirection."""
        return redis.Redis(port=self.port, socket_timeout=_COMMAND_SECONDS, decode_responses=True)

    def execute(self, *command: object) -> Any:
        """Return the response to a command. Raises the errors of redis-py."""
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def keys_in_slot(self, slot: int, count: int) -> list[bytes]:
        """Return up to this number of keys of a slot. The keys of merged stories hold bytes that are no text."""
        with redis.Redis(port=self.port, socket_timeout=_COMMAND_SECONDS) as client:
            keys: list[bytes] = client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, count)
            return keys

    def execute_raw(self, *command: str) -> str:
        """Return the text of a response that the client would parse."""
        with self.client() as client:
            client.response_callbacks.clear()
            return str(client.execute_command(*command))

    def has_slot(self, slot: int) -> bool:
        """Return whether the node has a slot, according to itself."""
        return any(first <= slot <= last for first, last in self.slot_ranges())

    def slot_ranges(self) -> Sequence[tuple[int, int]]:
        """Return the ranges of the node's slots."""
        ranges = [entry for line in self.known_nodes() if "myself" in line[2] for entry in line[8:]]
        plain = [
            entry.split("-") for entry in ranges if not entry.startswith("[")
        ]  # entries in brackets are migrations
        return [(int(entry[0]), int(entry[-1])) for entry in plain]

    def known_nodes(self) -> Sequence[Sequence[str]]:
        """Return the known nodes with the fields id, address, flags, primary, ping, pong, epoch, link, slots."""
        return [line.split() for line in self.execute_raw("CLUSTER", "NODES").splitlines() if "handshake" not in line]

    def info(self, section: str) -> Mapping[str, Any]:
        """Return a section of INFO."""
        fields: Mapping[str, Any] = self._client.info(section)
        return fields

    def close(self) -> None:
        """Kill the server."""
        self._client.close()
        self.process.kill()


def slot_of(namespace: str) -> int:
    """Return the slot of all keys of a namespace."""
    return key_slot(f"{{{namespace}}}".encode())


@dataclass(kw_only=True)
class RedisCluster:
    """Three primaries and three replicas. `nodes` begins with the original primaries."""

    directory: Path
    binary: Path | None
    nodes: list[ClusterNode] = field(default_factory=list)
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """The URL of a running node."""
        return f"redis://127.0.0.1:{next(node.port for node in self.nodes if node.process.poll() is None)}/0"

    def start(self) -> None:
        """Start the nodes and create the cluster. Skips the test if this machine has no suitable server."""
        if self.binary is None:
            unavailable("stack", "no Redis server on this machine for a cluster")
        for number in range(2 * PRIMARIES):
            node = ClusterNode(port=_free_port(), directory=self.directory / f"node-{number}")
            self._run(self.binary, node)
            self.nodes.append(node)
        for number, node in enumerate(self.nodes):
            node.execute("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.execute("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        primaries, replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]
        for number, node in enumerate(primaries):
            node.execute("CLUSTER", "ADDSLOTS", *range(number * SLOTS // PRIMARIES, (number + 1) * SLOTS // PRIMARIES))
        wait_until(
            lambda: all(len(node.known_nodes()) == len(self.nodes) for node in self.nodes),
            AGREEMENT_SECONDS,
            "the introduction of all nodes",
        )
        for primary, replica in zip(primaries, replicas, strict=True):
            replica.execute("CLUSTER", "REPLICATE", primary.id)
        self.wait_stable()

    def wait_stable(self) -> None:
        """Wait until every running node reports a complete cluster and every replica is connected to its primary."""
        wait_until(self._is_stable, AGREEMENT_SECONDS, "a stable cluster")

    def connect(self, **options: Any) -> redis.RedisCluster:
        """Return a client of the whole cluster."""
        client: redis.RedisCluster = redis.RedisCluster.from_url(self.url, **options)
        return client

    def running_nodes(self) -> Sequence[ClusterNode]:
        """Return the running nodes."""
        return [node for node in self.nodes if node.process.poll() is None]

    def primary_of(self, namespace: str) -> ClusterNode:
        """Return the primary that has the slot of a namespace, according to itself."""
        slot = slot_of(namespace)
        return next(node for node in self.running_nodes() if node.has_slot(slot))

    def primaries(self) -> Sequence[ClusterNode]:
        """Return the running nodes with slots."""
        return [node for node in self.running_nodes() if node.slot_ranges()]

    def replica_of(self, node: ClusterNode) -> ClusterNode:
        """Return the replica of a primary."""
        replicas = wait_until(lambda: node.execute("CLUSTER", "REPLICAS", node.id), AGREEMENT_SECONDS, "a replica")
        return next(other for other in self.nodes if other.id == replicas[0].split()[0])

    def kill(self, node: ClusterNode) -> None:
        """Send SIGKILL."""
        node.process.kill()
        node.process.wait(timeout=AGREEMENT_SECONDS)

    def freeze(self, node: ClusterNode) -> None:
        """Send SIGSTOP."""
        os.kill(node.process.pid, signal.SIGSTOP)

    def resume(self, node: ClusterNode) -> None:
        """Send SIGCONT."""
        os.kill(node.process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill all nodes and remove their data."""
        for node in self.nodes:
            node.close()
        self._running.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, binary: Path, node: ClusterNode) -> None:
        node.directory.mkdir(parents=True)
        arguments = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
        location = ("--bind", "127.0.0.1", "--port", str(node.port), "--dir", node.directory)
        # By default a primary waits 5 s for more replicas before it starts the replication.
        replication = ("--repl-diskless-sync-delay", "0")
        node.process = self._running.enter_context(
            run_child([binary, *location, *SERVER_OPTIONS, *arguments, *replication], node.log)
        )
        wait_until(lambda: _has_started_or_ended(node), AGREEMENT_SECONDS, f"a response of {binary.name}")
        if node.process.poll() is not None:
            unavailable("stack", f"{binary} cannot run a cluster\n{tail(node.log)}")
        node.id = node.execute("CLUSTER", "MYID")

    def _is_stable(self) -> bool:
        return all(_sees_complete_cluster(node) for node in self.running_nodes()) and all(
            node.info("replication").get("master_link_status", "up") == "up" for node in self.running_nodes()
        )


@contextmanager
def redis_cluster(directory: Path, binary: Path | None = None) -> Iterator[RedisCluster]:
    """Run a cluster during the context, with this server or with the default one of the tests."""
    cluster = RedisCluster(directory=directory, binary=binary or server_binary())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def _free_port() -> int:
    """Return a free port whose cluster bus port is free, too."""
    rng = random.SystemRandom()
    while True:
        port = rng.randrange(*_PORTS)
        with socket.socket() as data, socket.socket() as bus, suppress(OSError):
            data.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + _BUS_OFFSET))
            return port


def _has_started_or_ended(node: ClusterNode) -> bool:
    if node.process.poll() is not None:
        return True
    try:
        return bool(node.execute("PING"))
    except redis.RedisError:
        return False


def _sees_complete_cluster(node: ClusterNode) -> bool:
    try:
        fields = dict(line.split(":", 1) for line in node.execute_raw("CLUSTER", "INFO").split())
    except redis.RedisError:
        return False
    return fields["cluster_state"] == "ok" and int(fields["cluster_slots_ok"]) == SLOTS
