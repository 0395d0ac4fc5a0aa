"""A Redis Cluster of processes on loopback, made, broken and ended by a test: who holds what, who follows whom."""

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

#: Primaries, each with one replica: the fewest of which a majority outlives one.
PRIMARIES: Final = 3

#: Slots of every cluster.
SLOTS: Final = 16_384

#: Milliseconds of silence after which a node counts as failed: the least that a busy machine does not mistake.
NODE_TIMEOUT_MS: Final = 1_500

#: Ports to draw from: nodes talk to each other 10,000 above, and both stay below the ports that systems hand out.
_PORTS: Final = (11_000, 22_000)
_BUS: Final = 10_000

#: Seconds for all nodes to agree: gossip takes a few, on a machine that others use too.
AGREE_SECONDS: Final = 60.0

#: Seconds for an answer of a node.
_ANSWER_SECONDS: Final = 5.0


@dataclass(kw_only=True)
class Node:
    """One server of the cluster; `id` is its own name for itself, the same after a restart."""

    port: int
    directory: Path
    id: str = ""
    process: Any = None

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.directory.with_suffix(".log")

    @cached_property
    def _client(self) -> redis.Redis:
        return self.client()

    def client(self) -> redis.Redis:
        """Return a client of this node alone, which follows no redirection."""
        return redis.Redis(port=self.port, socket_timeout=_ANSWER_SECONDS, decode_responses=True)

    def ask(self, *command: object) -> Any:
        """Give one command's answer. Raises Redis's errors."""
        return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    def tells(self, *command: str) -> str:
        """Give an answer as the server words it, which the client would take apart."""
        with self.client() as client:
            client.response_callbacks.clear()
            return str(client.execute_command(*command))

    def holds(self, slot: int) -> bool:
        """Tell whether it holds a slot, by its own account."""
        return any(first <= slot <= last for first, last in self.slots())

    def slots(self) -> Sequence[tuple[int, int]]:
        """Give the ranges of slots that it holds."""
        ranges = [entry for line in self.known() if "myself" in line[2] for entry in line[8:]]
        plain = [entry.split("-") for entry in ranges if not entry.startswith("[")]  # bracketed ones are being moved
        return [(int(entry[0]), int(entry[-1])) for entry in plain]

    def known(self) -> Sequence[Sequence[str]]:
        """Give the nodes that it knows: id, address, flags, primary, ping, pong, epoch, link, slots."""
        return [line.split() for line in self.tells("CLUSTER", "NODES").splitlines() if "handshake" not in line]

    def info(self, section: str) -> Mapping[str, Any]:
        """Return a section of INFO."""
        told: Mapping[str, Any] = self._client.info(section)
        return told

    def close(self) -> None:
        """End it for good."""
        self._client.close()
        self.process.kill()


def slot_of(namespace: str) -> int:
    """Return the slot of all keys of a namespace."""
    return key_slot(f"{{{namespace}}}".encode())


@dataclass(kw_only=True)
class RedisCluster:
    """Three primaries and three replicas of one server; `nodes` begins with the primaries as they were made."""

    directory: Path
    binary: Path | None
    nodes: list[Node] = field(default_factory=list)
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """Where a client begins: a node that answers."""
        return f"redis://127.0.0.1:{next(node.port for node in self.nodes if node.process.poll() is None)}/0"

    def start(self) -> None:
        """Start the nodes and let them agree. Skips the test where this machine has no server that can."""
        if self.binary is None:
            unavailable("stack", "no Redis server on this machine for a cluster")
        for number in range(2 * PRIMARIES):
            node = Node(port=_free_port(), directory=self.directory / f"node-{number}")
            self._run(self.binary, node)
            self.nodes.append(node)
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        primaries, replicas = self.nodes[:PRIMARIES], self.nodes[PRIMARIES:]
        for number, node in enumerate(primaries):
            node.ask("CLUSTER", "ADDSLOTS", *range(number * SLOTS // PRIMARIES, (number + 1) * SLOTS // PRIMARIES))
        wait_until(lambda: all(len(node.known()) == len(self.nodes) for node in self.nodes), AGREE_SECONDS, "a meeting")
        for primary, replica in zip(primaries, replicas, strict=True):
            replica.ask("CLUSTER", "REPLICATE", primary.id)
        self.settle()

    def settle(self) -> None:
        """Return when every living node sees the cluster as whole, and every replica follows its primary."""
        wait_until(self._agreed, AGREE_SECONDS, "a cluster that agrees")

    def connect(self, **options: Any) -> redis.RedisCluster:
        """Return a client of the whole cluster."""
        client: redis.RedisCluster = redis.RedisCluster.from_url(self.url, **options)
        return client

    def living(self) -> Sequence[Node]:
        """Give the nodes that run."""
        return [node for node in self.nodes if node.process.poll() is None]

    def holder(self, namespace: str) -> Node:
        """Give the primary that holds a namespace, by its own account."""
        slot = slot_of(namespace)
        return next(node for node in self.living() if node.holds(slot))

    def primaries(self) -> Sequence[Node]:
        """Give the living nodes that hold slots."""
        return [node for node in self.living() if node.slots()]

    def replica_of(self, node: Node) -> Node:
        """Give the replica of a primary."""
        told = wait_until(lambda: node.ask("CLUSTER", "REPLICAS", node.id), AGREE_SECONDS, "a replica")
        return next(each for each in self.nodes if each.id == told[0].split()[0])

    def kill(self, node: Node) -> None:
        """Send SIGKILL."""
        node.process.kill()
        node.process.wait(timeout=AGREE_SECONDS)

    def hold(self, node: Node) -> None:
        """Let it neither answer nor refuse."""
        os.kill(node.process.pid, signal.SIGSTOP)

    def let_go(self, node: Node) -> None:
        """Let it go on, as if nothing had been."""
        os.kill(node.process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it for good and remove its data."""
        for node in self.nodes:
            node.close()
        self._running.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, binary: Path, node: Node) -> None:
        node.directory.mkdir(parents=True)
        arguments = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS))
        place = ("--bind", "127.0.0.1", "--port", str(node.port), "--dir", node.directory)
        # a replica follows its primary at once: the default waits 5 s for others to come
        speed = ("--repl-diskless-sync-delay", "0")
        node.process = self._running.enter_context(
            run_child([binary, *place, *SERVER_OPTIONS, *arguments, *speed], node.log)
        )
        wait_until(lambda: _answers(node), AGREE_SECONDS, f"an answer of {binary.name}")
        if node.process.poll() is not None:
            unavailable("stack", f"{binary} runs no cluster\n{tail(node.log)}")
        node.id = node.ask("CLUSTER", "MYID")

    def _agreed(self) -> bool:
        return all(_sees_it_whole(node) for node in self.living()) and all(
            node.info("replication").get("master_link_status", "up") == "up" for node in self.living()
        )


@contextmanager
def redis_cluster(directory: Path, binary: Path | None = None) -> Iterator[RedisCluster]:
    """Run a cluster while the context lasts, of this server or of the one that every test runs on."""
    cluster = RedisCluster(directory=directory, binary=binary or server_binary())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def _free_port() -> int:
    """Return a port that was free a moment ago, and whose bus port was."""
    dice = random.SystemRandom()
    while True:
        port = dice.randrange(*_PORTS)
        with socket.socket() as one, socket.socket() as bus, suppress(OSError):
            one.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + _BUS))
            return port


def _answers(node: Node) -> bool:
    if node.process.poll() is not None:
        return True
    try:
        return bool(node.ask("PING"))
    except redis.RedisError:
        return False


def _sees_it_whole(node: Node) -> bool:
    try:
        facts = dict(line.split(":", 1) for line in node.tells("CLUSTER", "INFO").split())
    except redis.RedisError:
        return False
    return facts["cluster_state"] == "ok" and int(facts["cluster_slots_ok"]) == SLOTS
