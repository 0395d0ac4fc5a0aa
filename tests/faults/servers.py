"""A Kafka and a Redis of a scenario's own, to be killed, held and started again with what they kept."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis

from deploy.local.stack import free_port, run_child, wait_until
from deploy.local.stack.health_checks import redis_version
from deploy.local.stack.kafka_jvm import (
    BROKER_CLASS,
    Listener,
    fetch_jars,
    find_jvm_problem,
    format_storage,
    java_command,
    wait_for_broker,
    write_configuration,
)
from deploy.local.stack.redis_local import server_binary
from deploy.local.stack.selection import STATE_DIRECTORY
from tests.support import unavailable

#: Seconds for a server to end after it was killed, and for a Redis to load what it kept.
_END_SECONDS: Final = 20.0
_REDIS_SECONDS: Final = 20.0

#: Settings of every broker here: dead members and open transactions are found soon, so that scenarios are short.
_FAULTS: Final = {"group.min.session.timeout.ms": "500"}


@dataclass(kw_only=True)
class Broker:
    """One broker with its data in `home`.

    listeners   besides the harness's own
    advertised  the ports that clients of a listener are told where that is a proxy's
    """

    home: Path
    log: Path
    listeners: Sequence[Listener] = ()
    advertised: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    _running: ExitStack = field(default_factory=ExitStack)
    _properties: Path | None = None

    @property
    def address(self) -> str:
        """Where the harness asks."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on what it kept. Skips the test where this machine has no Java or no jars."""
        if problem := find_jvm_problem():
            unavailable("stack", f"no broker to break: {problem}")
        self.home.mkdir(parents=True, exist_ok=True)
        java = java_command(self.home, fetch_jars(STATE_DIRECTORY))
        if self._properties is None:
            settings = {**self._told(), **_FAULTS, **self.changes}
            self._properties = write_configuration(self.home, self.port, self.listeners, settings)
            format_storage(java, self._properties, self.log)
        self.process = self._running.enter_context(run_child([*java, BROKER_CLASS, self._properties], self.log))
        wait_for_broker(self.process, self.address, self.log)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order: its logs are whole then, and the next start believes them."""
        self._end(signal.SIGTERM)

    def hold(self) -> None:
        """Let it neither answer nor refuse."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def segment(self, topic: str, partition: int) -> Path:
        """Return the file of a partition's first records."""
        return self.home / "data" / f"{topic}-{partition}" / f"{0:020}.log"

    def close(self) -> None:
        """End it for good and remove its data."""
        if self.process is not None:
            self.process.kill()
        self._running.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _told(self) -> Mapping[str, str]:
        ports = {listener.name: listener.port for listener in self.listeners} | dict(self.advertised)
        told = {"PLAINTEXT": self.port, **ports}
        return {"advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in told.items())}

    def _end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=_END_SECONDS)


@dataclass(kw_only=True)
class RedisServer:
    """One Redis or Valkey that has on disk what it acknowledged."""

    directory: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it on what it kept. Skips the test where this machine has no such server."""
        binary = server_binary()
        if binary is None:
            unavailable("stack", "no Redis server on this machine to break")
        self.directory.mkdir(parents=True, exist_ok=True)
        kept = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
        arguments: list[str | Path] = [
            binary,
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            self.directory,
            *kept,
        ]
        log = self.directory.with_suffix(".log")
        self.process = self._running.enter_context(run_child([*arguments, *self.options], log))
        wait_until(lambda: redis_version(self.url), _REDIS_SECONDS, "an answer of Redis")

    def kill(self, *, with_data: bool = False) -> None:
        """Send SIGKILL; with its data, the next start finds nothing."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=_END_SECONDS)
        if with_data:
            shutil.rmtree(self.directory)

    def hold(self) -> None:
        """Let it neither answer nor refuse."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Return a client of the harness."""
        return redis.Redis.from_url(self.url, socket_timeout=_REDIS_SECONDS)

    def close(self) -> None:
        """End it for good and remove its data."""
        if self.process is not None:
            self.process.kill()
        self._running.close()
        shutil.rmtree(self.directory, ignore_errors=True)
