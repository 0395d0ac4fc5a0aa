"""A DNS name of Redis that moves to another server under load, as in a managed failover."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from deploy.local.stack import free_port, wait_until
from tests.faults.breakable_servers import BreakableRedis
from tests.faults.proxy import Proxy
from tests.faults.scenario import ScenarioOpener
from tests.faults.worker_pool import wait_ready

NAME = "redis.moving.test"
#: Addresses of the two servers: all of 127.0.0.0/8 belongs to the loopback interface of Linux.
ADDRESSES = ("127.0.0.2", "127.0.0.3")
#: Maximum seconds until commits continue after the name has moved, as in test_redis.py.
RESUME_SECONDS = 10.0
#: Maximum number of articles between two moves.
MAX_BETWEEN = 100

#: Python imports this module at its start. It takes the place of a DNS server: it resolves one name by a file.
RESOLVER = """
import os, socket

real = socket.getaddrinfo

def getaddrinfo(host, *args, **kwargs):
    if host == os.environ["MOVING_NAME"]:
        with open(os.environ["MOVING_NAME_FILE"]) as file:
            host = file.read()
    return real(host, *args, **kwargs)

socket.getaddrinfo = getaddrinfo
"""


class MovingName:
    """The name, as the workers of a test resolve it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "sitecustomize.py").write_text(RESOLVER)

    def move(self, address: str) -> None:
        """Let the name lead to an address from the next lookup on."""
        new = self._directory / "new"
        new.write_text(address)
        new.rename(self._directory / "address")

    def environment(self) -> Mapping[str, str]:
        """Return the environment of a worker that resolves the name."""
        paths = [str(self._directory), os.environ.get("PYTHONPATH", "")]
        return {
            "MOVING_NAME": NAME,
            "MOVING_NAME_FILE": str(self._directory / "address"),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }


@pytest.fixture
def servers(redis_server: BreakableRedis, tmp_path: Path) -> Iterator[tuple[BreakableRedis, BreakableRedis]]:
    """Yield a server and its replica."""
    replica = BreakableRedis(
        directory=tmp_path / "replica", options=("--replicaof", "127.0.0.1", str(redis_server.port))
    )
    try:
        replica.start()
        wait_until(lambda: is_in_sync(replica), 30.0, "a replica in sync")
        yield redis_server, replica
    finally:
        replica.close()


def is_in_sync(server: BreakableRedis) -> bool:
    with server.client() as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def test_the_name_moves_to_the_promoted_replica(
    scenario: ScenarioOpener,
    kafka: str,
    servers: tuple[BreakableRedis, BreakableRedis],
    is_long: bool,
    tmp_path: Path,
) -> None:
    """The old primary becomes a replica and keeps its connections. The worker follows the name without a restart."""
    name, port = MovingName(tmp_path), free_port()
    with ExitStack() as closing:
        for server, address in zip(servers, ADDRESSES, strict=True):
            proxy = Proxy(target=server.port, port=port, host=address)
            proxy.start()
            closing.callback(proxy.close)
        name.move(ADDRESSES[0])
        run = closing.enter_context(
            scenario(kafka=kafka, redis_url=f"redis://{NAME}:{port}/0", settings=name.environment())
        )
        run.create_topics()
        run.start()
        for number in range(10 if is_long else 2):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            old, new = (servers[(number + at) % 2] for at in range(2))
            promote(new, old)
            name.move(ADDRESSES[(number + 1) % 2])
            run.wait_recovered(RESUME_SECONDS)
            wait_ready(run.pool.workers[0])
            wait_until(partial(is_in_sync, old), 30.0, "a replica in sync")
        run.finish()


def promote(replica: BreakableRedis, primary: BreakableRedis) -> None:
    """Make the replica the primary and the other way round, without a lost write."""
    with replica.client() as new, primary.client() as old:
        old.execute_command("CLIENT", "PAUSE", 5_000, "WRITE")
        wait_until(
            lambda: new.info("replication")["slave_repl_offset"] == old.info("replication")["master_repl_offset"],
            5.0,
            "a replica without a lag",
        )
        new.execute_command("REPLICAOF", "NO", "ONE")
        old.execute_command("REPLICAOF", "127.0.0.1", replica.port)
        old.execute_command("CLIENT", "UNPAUSE")
