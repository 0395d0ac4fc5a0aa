"""A Kafka and a Redis that a scenario kills, freezes and starts again with their data."""

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

#: Seconds until a server has ended after a signal, and until a Redis has loaded its data.
_END_SECONDS: Final = 20.0
_REDIS_SECONDS: Final = 20.0

#: Settings of every broker: it accepts short session timeouts and aborts timed-out transactions after a second, not
#: after ten, so that scenarios are short.
_SETTINGS: Final = {
    "group.min.session.timeout.ms": "500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(kw_only=True)
class BreakableBroker:
    """A broker with its data in `directory`.

    listeners   more listeners than the one of the test
    advertised  listener -> the advertised port, if a proxy is before it
    changes     more settings of the broker
    """

    directory: Path
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
        """The address for the clients of the test."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the broker with its data. Skips the test if this machine has no Java or no jars."""
        if problem := find_jvm_problem():
            unavailable("stack", f"no broker to break: {problem}")
        self.directory.mkdir(parents=True, exist_ok=True)
        java = java_command(self.directory, fetch_jars(STATE_DIRECTORY))
        if self._properties is None:
            settings = {**self._advertised_listeners(), **_SETTINGS, **self.changes}
            self._properties = write_configuration(self.directory, self.port, self.listeners, settings)
            format_storage(java, self._properties, self.log)
        self.process = self._running.enter_context(run_child([*java, BROKER_CLASS, self._properties], self.log))
        wait_for_broker(self.process, self.address, self.log)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Send SIGTERM. After a clean shutdown the next start does not recover the log segments."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Send SIGSTOP: the server neither responds nor refuses connections."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def segment(self, topic: str, partition: int) -> Path:
        """Return the first log segment of a partition."""
        return self.directory / "data" / f"{topic}-{partition}" / f"{0:020}.log"

    def close(self) -> None:
        """Kill the server and remove its data."""
        if self.process is not None:
            self.process.kill()
        self._running.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _advertised_listeners(self) -> Mapping[str, str]:
        ports = {listener.name: listener.port for listener in self.listeners} | dict(self.advertised)
        all_ports = {"PLAINTEXT": self.port, **ports}
        return {"advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in all_ports.items())}

    def _end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=_END_SECONDS)


@dataclass(kw_only=True)
class BreakableRedis:
    """A Redis or Valkey that writes each command to disk before it acknowledges the command."""

    directory: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server with its data. Skips the test if this machine has no Redis server."""
        binary = server_binary()
        if binary is None:
            unavailable("stack", "no Redis server on this machine to break")
        self.directory.mkdir(parents=True, exist_ok=True)
        persistence = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        arguments: list[str | Path] = [
            binary,
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            self.directory,
            *persistence,
            "--maxmemory-policy",
            "noeviction",
        ]
        log = self.directory.with_suffix(".log")
        self.process = self._running.enter_context(run_child([*arguments, *self.options], log))
        wait_until(lambda: redis_version(self.url), _REDIS_SECONDS, "a response of Redis")

    def kill(self, *, with_data: bool = False) -> None:
        """Send SIGKILL. `with_data` removes the data, too."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=_END_SECONDS)
        if with_data:
            shutil.rmtree(self.directory)

    def freeze(self) -> None:
        """Send SIGSTOP: the server neither responds nor refuses connections."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Return a client of the test."""
        return redis.Redis.from_url(self.url, socket_timeout=_REDIS_SECONDS)

    def close(self) -> None:
        """Kill the server and remove its data."""
        if self.process is not None:
            self.process.kill()
        self._running.close()
        shutil.rmtree(self.directory, ignore_errors=True)
