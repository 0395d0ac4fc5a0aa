"""Define the types of the stack."""

from dataclasses import dataclass
from enum import StrEnum


class StackUnavailable(Exception):  # users read it: "the stack is unavailable: ..."
    """This machine cannot run a server. The text has the reason and, after a failed start, the end of the log."""


class StackKind(StrEnum):
    """The kinds of servers, best first. `external` means servers whose addresses the environment names."""

    EXTERNAL = "external"
    CONTAINERS = "containers"
    JVM = "jvm"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackService:
    """A server that answers. `product` is its name and version; `address` is HOST:PORT for Kafka, a URL for Redis."""

    kind: StackKind
    product: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Kafka and Redis. Both are None for the embedded stack; `reason` then explains why there is no Kafka."""

    kafka: StackService | None
    redis: StackService | None
    reason: str = ""

    @property
    def name(self) -> str:
        """The kind of both servers, or `KAFKA_KIND+REDIS_KIND` if they differ."""
        kinds = [service.kind for service in (self.kafka, self.redis) if service is not None]
        return "+".join(dict.fromkeys(kinds)) if kinds else StackKind.EMBEDDED

    def __str__(self) -> str:
        """Describe the stack in one line."""
        services = [f"{service.product} at {service.address}" for service in (self.kafka, self.redis) if service]
        reason = (self.reason or "no servers").splitlines()[0]  # the log's end was printed when the start failed
        return f"{self.name} ({', '.join(services) or reason})"
