"""A Redis with TLS only, and a user with the rights that docs/operating/security.md lists."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import redis

from deploy.local.stack import free_port, run_child, tail, wait_until
from deploy.local.stack.redis_local import SERVER_OPTIONS
from tests.security.certificates import CertificateFiles, Certificates
from tests.security.worker_start import redis_rights

#: Seconds until an empty server has started. It takes 0.1 s.
_START_SECONDS: Final = 20.0

USER: Final = "reprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredRedis:
    """A running server. `port` accepts TLS only; the user has the keys of every namespace."""

    port: int
    certificates: Certificates
    password: str

    def settings(self, **changes: str) -> dict[str, str]:
        """Return the settings of an accepted worker. `changes` holds settings by name without REPRISE_REDIS_."""
        return {
            "REPRISE_REDIS_URL": f"rediss://{USER}:{self.password}@localhost:{self.port}/0",
            "REPRISE_REDIS_SSL_CAFILE": str(self.certificates.authority),
            **{f"REPRISE_REDIS_{name}": value for name, value in changes.items()},
        }


def supports_tls(binary: Path) -> bool:
    """Return whether a server was built with TLS. Such a server fails to start without a certificate."""
    done = subprocess.run(
        [binary, "--port", "0", "--tls-port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    return "tls-cert-file" in done.stdout + done.stderr


@contextmanager
def secured_redis(
    binary: Path,
    certificates: Certificates,
    directory: Path,
    password: str,
    *,
    shown: CertificateFiles | None = None,
    clients: str = "no",
) -> Iterator[SecuredRedis]:
    """Run a server during the context.

    shown    certificate of the server, by default a valid one
    clients  "yes" if clients need a certificate
    """
    port, shown, log = free_port(), shown or certificates.server, directory / "redis.log"
    configuration = directory / "redis.conf"
    configuration.write_text(
        f"bind 127.0.0.1\nport 0\ntls-port {port}\ntls-auth-clients {clients}\ndir {directory}\n"
        f"tls-cert-file {shown.certificate}\ntls-key-file {shown.key}\ntls-ca-cert-file {certificates.authority}\n"
        f"user {USER} on >{password} ~{{*}}:* {' '.join(redis_rights())}\nuser default off\n"
    )
    log.unlink(missing_ok=True)
    with run_child([binary, configuration, *SERVER_OPTIONS], log) as process:
        wait_until(lambda: process.poll() is not None or _listens(log), _START_SECONDS, "the start of Redis")
        assert process.poll() is None, tail(log)
        yield SecuredRedis(port=port, certificates=certificates, password=password)


def _listens(log: Path) -> bool:
    return log.is_file() and "Ready to accept connections" in log.read_text(errors="replace")


@contextmanager
def restricted(url: str, rights: Sequence[str], keys: str, password: str) -> Iterator[str]:
    """Add a user with these rights to a server without TLS, and yield the URL with the user and the password."""
    user = f"user-{uuid4().hex[:8]}"
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", user, "on", f">{password}", keys, *rights)
        try:
            yield url.replace("://", f"://{user}:{password}@", 1)
        finally:
            with suppress(redis.ConnectionError):  # a test may have sent the server away
                client.acl_deluser(user)
