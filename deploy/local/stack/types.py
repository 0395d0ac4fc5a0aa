"""The nouns of the stack: plain values."""

from dataclasses import dataclass
from enum import StrEnum


class StackUnavailable(Exception):  # said to people: "the stack is unavailable: ..."
    """No such server can be had on this machine; the text says why, and shows the log's tail where a start failed."""


class StackKind(StrEnum):
    """What Kafka and Redis run on, best first. `given` is for servers whose address the environment names."""

    GIVEN = "given"
    CONTAINERS = "containers"
    JVM = "jvm"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One server that answers. `address` is HOST:PORT for Kafka and a URL for Redis; `what` is for people."""

    kind: StackKind
    what: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Both servers; neither where the stack is embedded, with the reasons in `why`."""

    kafka: Service | None
    redis: Service | None
    why: str = ""

    @property
    def name(self) -> str:
        """The kinds in use: one word where both servers are of one kind, else `KAFKA'S+REDIS'S`."""
        kinds = [service.kind for service in (self.kafka, self.redis) if service is not None]
        return "+".join(dict.fromkeys(kinds)) if kinds else StackKind.EMBEDDED

    def __str__(self) -> str:
        """Name the stack in one line."""
        services = [f"{service.what} at {service.address}" for service in (self.kafka, self.redis) if service]
        why = (self.why or "no server of its own").splitlines()[0]  # a log's tail was shown when the start failed
        return f"{self.name} ({', '.join(services) or why})"
