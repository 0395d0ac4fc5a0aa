"""A container engine for the tests.

The tests use the running engine, docker or podman. If there is none, `engine/up` in the folder of REPRISE_SHARED
(`../shared` if unset) starts one. ENGINE_BUILD_FLAGS are further flags for builds, if builds need them to reach the
package index.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tests.deploy.tools import ToolMissing

TOP: Final = Path(__file__).resolve().parents[2]

#: Build arguments, which must appear in the labels.
VERSION: Final = "0.0.0-test"
REVISION: Final = "0123456789abcdef0123456789abcdef01234567"

#: Content of the build's secret, which must not appear in the image.
SECRET: Final = "# known to the build alone"

#: Flags with the restrictions of restricted pod security.
RESTRICTED_FLAGS: Final = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

#: Seconds to install an engine and to build its base images.
_START_SECONDS: Final = 900.0

#: Seconds to build the image, including downloads.
_BUILD_SECONDS: Final = 900.0

#: Seconds for any other call.
_CALL_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A Docker-compatible engine; `program` is its client, `environment` the client's environment."""

    program: str
    environment: Mapping[str, str]

    def attempt(self, *arguments: str, timeout_seconds: float = _CALL_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run a command of the client and return its result, also if it fails."""
        return subprocess.run(
            [self.program, *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *arguments: str, timeout_seconds: float = _CALL_SECONDS) -> str:
        """Return the output of a command. Raises RuntimeError with its output if it fails."""
        done = self.attempt(*arguments, timeout_seconds=timeout_seconds)
        if done.returncode:
            raise RuntimeError(f"{self.program} {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def inspect(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return the engine's description of an image or a container."""
        descriptions: list[Mapping[str, Any]] = json.loads(self.run("inspect", "--type", kind, name))
        return descriptions[0]

    @property
    def restricted_flags(self) -> tuple[str, ...]:
        """The flags of a restricted container. By default podman makes /tmp writable."""
        return (*RESTRICTED_FLAGS, "--read-only-tmpfs=false") if self.program == "podman" else RESTRICTED_FLAGS

    def build(self, tag: str) -> None:
        """Build the image. Raises RuntimeError with the output of a failed build."""
        # Images in podman's default format have no health check.
        flags = ["--format", "docker"] if self.program == "podman" else []
        flags += shlex.split(self.environment.get("ENGINE_BUILD_FLAGS", ""))
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as secret:
            secret.write(f"{SECRET}\n[global]\ndisable-pip-version-check = true\n")
            secret.flush()
            flags += ["--secret", f"id=pip.conf,src={secret.name}", "-f", str(TOP / "deploy/docker/Dockerfile")]
            flags += ["--build-arg", f"VERSION={VERSION}", "--build-arg", f"REVISION={REVISION}", "-t", tag]
            self.run("build", *flags, str(TOP), timeout_seconds=_BUILD_SECONDS)

    @contextmanager
    def container(self, *arguments: str) -> Iterator[str]:
        """Run a container in the background until the context ends, then remove it. Yields its name."""
        name = f"reprise-test-{uuid4().hex[:8]}"
        try:
            self.run("run", "--detach", "--name", name, *arguments)
            yield name
        finally:
            self.attempt("rm", "--force", name)

    def state(self, container: str) -> Mapping[str, Any]:
        """Return the state of a container: whether it runs, and its exit code."""
        state: Mapping[str, Any] = self.inspect("container", container)["State"]
        return state

    def health(self, container: str) -> str:
        """Return the health of a container (starting, healthy, unhealthy), or `ended`."""
        if self.program == "podman":
            # podman runs health checks by systemd timers, which a container host need not have, or on request.
            self.attempt("healthcheck", "run", container)
        state = self.state(container)
        if not state["Running"]:
            return "ended"
        return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status", "none"))


def find_engine() -> Engine:
    """Return the running engine, or start one. Raises ToolMissing if neither is possible."""
    up = Path(os.environ.get("REPRISE_SHARED") or TOP.parent / "shared") / "engine" / "up"
    engine = _running_engine(os.environ)
    if engine is None and os.access(up, os.X_OK):
        engine = _running_engine(_environment_after(up))
    if engine is None:
        raise ToolMissing("no container engine answers to docker or podman")
    return engine


def _running_engine(environment: Mapping[str, str]) -> Engine | None:
    for program in ("docker", "podman"):
        if shutil.which(program) is None or (program == "podman" and "DOCKER_HOST" not in environment):
            continue  # compose needs podman's socket
        engine = Engine(program=program, environment=environment)
        version = engine.attempt("version", "--format", "json" if program == "podman" else "{{json .Server}}")
        if version.returncode:
            continue
        if program == "docker" and "Podman Engine" in version.stdout and shutil.which("podman"):
            continue  # podman's client supports secrets and mounts of builds, its Docker-compatible socket does not
        return engine
    return None


def _environment_after(up: Path) -> Mapping[str, str]:
    script = 'exports=$("$0") && eval "$exports" && env -0'
    try:
        done = subprocess.run(
            ["bash", "-c", script, str(up)],
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissing(f"{up} took more than {_START_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        raise ToolMissing(f"{up}: {error.stderr.strip()[-1000:]}") from None
    return dict(line.partition("=")[::2] for line in done.stdout.split("\0") if line)


def size_report(engine: Engine, image: str) -> str:
    """Return a line with the size of the image, and of the worker and its packages in it."""
    total = engine.inspect("image", image)["Size"]
    usage = engine.run("run", "--rm", "--entrypoint", "du", image, "-sk", "/opt/reprise")
    return f"{total / 1e6:.0f} MB, of which {int(usage.split()[0]) * 1024 / 1e6:.0f} MB on top of Python's"
