"""One broker with a listener for each login method and for each reason to refuse a client, and its users' rights.

    SECURE     SASL_SSL, with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512     NARROW     SASL_SSL, with SCRAM-SHA-256 alone
    MUTUAL     SSL, and the client shows a certificate                   EXPIRED    SSL, its certificate out of date
    ELSEWHERE  SSL, with the certificate of another host

The tests' own clients use a listener without security and have every right; other users have the rights that a test
grants them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local.stack import free_port
from deploy.local.stack.kafka_jvm import Listener, jvm_kafka
from deploy.local.stack.selection import STATE_DIRECTORY
from tests.security.certificates import CertificateFiles, Certificates

_PROTOCOLS: Final = {
    "SECURE": "SASL_SSL",
    "NARROW": "SASL_SSL",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
}

#: Rounds of SCRAM's key derivation: the smallest number that a broker accepts, for speed.
_ROUNDS: Final = 4096

PLAIN_USER: Final = "plain-worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredKafka:
    """`plain` is the address of the listener without security, `ports` are the ports of the others by name."""

    plain: str
    ports: dict[str, int]
    certificates: Certificates
    password: str

    def settings(self, listener: str, **more: str) -> dict[str, str]:
        """Return the settings of a worker that connects to a listener; names in `more` lack their REPRISE_KAFKA_."""
        return {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": f"localhost:{self.ports[listener]}",
            "REPRISE_KAFKA_SECURITY_PROTOCOL": _PROTOCOLS[listener],
            "REPRISE_KAFKA_SSL_CAFILE": str(self.certificates.authority),
            **{f"REPRISE_KAFKA_{name}": value for name, value in more.items()},
        }

    def login(self, mechanism: str, user: str, password: str | None = None) -> dict[str, str]:
        """Return the settings of a login; the password defaults to the correct one."""
        return {
            "REPRISE_KAFKA_SASL_MECHANISM": mechanism,
            "REPRISE_KAFKA_SASL_USERNAME": user,
            "REPRISE_KAFKA_SASL_PASSWORD": self.password if password is None else password,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """An operation on a resource, or on all resources whose names start with `name` where `prefixed`."""

    kind: ResourceType
    name: str
    operation: ACLOperation
    prefixed: bool = False

    def acl(self, user: str) -> ACL:
        """Return the ACL that grants the right to a user."""
        pattern = ACLResourcePatternType.PREFIXED if self.prefixed else ACLResourcePatternType.LITERAL
        resource = ResourcePattern(self.kind, self.name, pattern)
        return ACL(f"User:{user}", "*", self.operation, ACLPermissionType.ALLOW, resource)


@contextmanager
def secured_kafka(certificates: Certificates, logs: Path, password: str) -> Iterator[SecuredKafka]:
    """Run the broker; every user has the same password. Raises StackUnavailable."""
    ports = {name: free_port() for name in _PROTOCOLS}
    listeners = [Listener(name=name, protocol=_PROTOCOLS[name], port=port) for name, port in ports.items()]
    files = dict.fromkeys(_PROTOCOLS, certificates.server)
    files |= {"EXPIRED": certificates.expired, "ELSEWHERE": certificates.elsewhere}
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        # The principal of a certificate is its common name.
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        **_listener("mutual", "ssl.client.auth", "required"),
        **_listener("secure", "sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
        **_listener("narrow", "sasl.enabled.mechanisms", "SCRAM-SHA-256"),
        **_jaas("secure", "PLAIN", f'user_{PLAIN_USER}="{password}"'),
        **_jaas("secure", "SCRAM-SHA-256"),
        **_jaas("secure", "SCRAM-SHA-512"),
        **_jaas("narrow", "SCRAM-SHA-256"),
    }
    for name, shown in files.items():
        settings |= _tls(name.lower(), shown, certificates.authority)
    with jvm_kafka(STATE_DIRECTORY, logs, listeners=listeners, settings=settings) as service:
        yield SecuredKafka(plain=service.address, ports=ports, certificates=certificates, password=password)


def _listener(name: str, setting: str, value: str) -> dict[str, str]:
    return {f"listener.name.{name}.{setting}": value}


def _jaas(listener: str, mechanism: str, users: str = "") -> dict[str, str]:
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    return _listener(
        listener,
        f"{mechanism.lower()}.sasl.jaas.config",
        f"org.apache.kafka.common.security.{module} required {users};",
    )


def _tls(listener: str, files: CertificateFiles, authority: Path) -> dict[str, str]:
    return {
        **_listener(listener, "ssl.keystore.type", "PEM"),
        **_listener(listener, "ssl.keystore.location", str(files.both)),
        **_listener(listener, "ssl.truststore.type", "PEM"),
        **_listener(listener, "ssl.truststore.location", str(authority)),
    }


def add_users(admin: KafkaAdminClient, users: Sequence[str], password: str) -> None:
    """Add users who log in by SCRAM of both kinds."""
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        refused = admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, mechanism, password, iterations=_ROUNDS) for user in users]
        )
        assert not any(refused.values()), refused


def grant(admin: KafkaAdminClient, user: str, rights: Iterable[Right]) -> None:
    """Grant rights to a user."""
    result = admin.create_acls([right.acl(user) for right in rights])
    assert not result["failed"], result


def revoke(admin: KafkaAdminClient, user: str, right: Right) -> None:
    """Revoke one right of a user."""
    deleted = admin.delete_acls([right.acl(user)])
    assert [len(acls) for _, acls, _ in deleted] == [1], deleted
