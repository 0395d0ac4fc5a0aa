"""A Redis that speaks TLS alone, with a user who has the rights that docs/operating/security.md states."""

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
from tests.security.certificates import Certificates, Pair
from tests.security.support_security import redis_rights

#: Seconds for a server with nothing to load; it takes a tenth of one.
_START_SECONDS: Final = 20.0

USER: Final = "reprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredRedis:
    """`port` speaks TLS; the user's keys are those of every namespace."""

    port: int
    certificates: Certificates
    password: str

    def settings(self, **more: str) -> dict[str, str]:
        """Return the settings of a worker that is let in; `more` by names without REPRISE_REDIS_."""
        return {
            "REPRISE_REDIS_URL": f"rediss://{USER}:{self.password}@localhost:{self.port}/0",
            "REPRISE_REDIS_SSL_CAFILE": str(self.certificates.authority),
            **{f"REPRISE_REDIS_{name}": value for name, value in more.items()},
        }


def speaks_tls(binary: Path) -> bool:
    """Tell whether a server was built with TLS: then, told to use it, it misses a certificate."""
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
    shown: Pair | None = None,
    clients: str = "no",
) -> Iterator[SecuredRedis]:
    """Run a server that shows a certificate, and asks its clients for one where `clients` is "yes"."""
    port, shown, log = free_port(), shown or certificates.server, directory / "redis.log"
    configuration = directory / "redis.conf"
    configuration.write_text(
        f"bind 127.0.0.1\nport 0\ntls-port {port}\ntls-auth-clients {clients}\ndir {directory}\n"
        f"tls-cert-file {shown.certificate}\ntls-key-file {shown.key}\ntls-ca-cert-file {certificates.authority}\n"
        f"user {USER} on >{password} ~{{*}}:* {' '.join(redis_rights())}\nuser default off\n"
    )
    log.unlink(missing_ok=True)
    with run_child([binary, configuration, *SERVER_OPTIONS], log) as process:
        wait_until(lambda: process.poll() is not None or _listens(log), _START_SECONDS, "a Redis that listens")
        assert process.poll() is None, tail(log)
        yield SecuredRedis(port=port, certificates=certificates, password=password)


def _listens(log: Path) -> bool:
    return log.is_file() and "Ready to accept connections" in log.read_text(errors="replace")


@contextmanager
def restricted(url: str, rights: Sequence[str], keys: str, password: str) -> Iterator[str]:
    """Add a user with some rights to a server without TLS, and give the URL to come as that user."""
    user = f"user-{uuid4().hex[:8]}"
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", user, "on", f">{password}", keys, *rights)
        try:
            yield url.replace("://", f"://{user}:{password}@", 1)
        finally:
            with suppress(redis.ConnectionError):  # a test may have sent the server away
                client.acl_deluser(user)
