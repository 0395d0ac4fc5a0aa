"""A container engine for the tests, and what they ask of it. It asserts nothing.

The engine is the one that answers; else `engine/up` in the folder of REPRISE_SHARED (`../shared` if unset) starts one.
ENGINE_BUILD_FLAGS are further flags of a build, for an engine whose builds reach the package index only with them.
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

#: What the build was told, to be found again in the labels.
VERSION: Final = "0.0.0-test"
REVISION: Final = "0123456789abcdef0123456789abcdef01234567"

#: Stands in the secret that the build gets, and must stand nowhere in the image.
SECRET: Final = "# known to the build alone"

#: Restricted pod security, as far as an engine by itself knows it.
HARDENED: Final = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

#: Seconds to install an engine and to make its images.
_START_SECONDS: Final = 900.0

#: Seconds to build the image, packages fetched.
_BUILD_SECONDS: Final = 900.0

#: Seconds for one other call.
_CALL_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A Docker-compatible engine, by its client; `environment` is what its clients need."""

    program: str
    environment: Mapping[str, str]

    def attempt(self, *arguments: str, timeout_seconds: float = _CALL_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run a command of the client, whatever comes of it."""
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
        """Return what a command prints. Raises RuntimeError with its own words."""
        done = self.attempt(*arguments, timeout_seconds=timeout_seconds)
        if done.returncode:
            raise RuntimeError(f"{self.program} {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def inspect(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return what the engine knows of an image or a container."""
        found: list[Mapping[str, Any]] = json.loads(self.run("inspect", "--type", kind, name))
        return found[0]

    @property
    def hardened(self) -> tuple[str, ...]:
        """The flags of a container that may do nothing but its work; podman would else make /tmp writable."""
        return (*HARDENED, "--read-only-tmpfs=false") if self.program == "podman" else HARDENED

    def build(self, tag: str) -> None:
        """Build the image. Raises RuntimeError with the build's own words."""
        # an image of podman's own format has no health check
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
        """Run a container in the background while the context lasts, removed at the end; gives its name."""
        name = f"reprise-test-{uuid4().hex[:8]}"
        try:
            self.run("run", "--detach", "--name", name, *arguments)
            yield name
        finally:
            self.attempt("rm", "--force", name)

    def state(self, container: str) -> Mapping[str, Any]:
        """Return whether it runs, and how it ended."""
        found: Mapping[str, Any] = self.inspect("container", container)["State"]
        return found

    def health(self, container: str) -> str:
        """Return the engine's opinion (starting, healthy, unhealthy), or `ended`."""
        if self.program == "podman":
            # podman leaves the intervals to systemd, which a container host need not have; asked, it looks by itself
            self.attempt("healthcheck", "run", container)
        state = self.state(container)
        if not state["Running"]:
            return "ended"
        return str((state.get("Health") or state.get("Healthcheck") or {}).get("Status", "none"))


def find_engine() -> Engine:
    """Return the engine that answers, or start one. Raises ToolMissing where there is none."""
    up = Path(os.environ.get("REPRISE_SHARED") or TOP.parent / "shared") / "engine" / "up"
    engine = _answering(os.environ)
    if engine is None and os.access(up, os.X_OK):
        engine = _answering(_started(up))
    if engine is None:
        raise ToolMissing("no container engine answers to docker or podman")
    return engine


def _answering(environment: Mapping[str, str]) -> Engine | None:
    for program in ("docker", "podman"):
        if shutil.which(program) is None or (program == "podman" and "DOCKER_HOST" not in environment):
            continue  # a podman without a socket is nothing that compose could talk to
        engine = Engine(program=program, environment=environment)
        told = engine.attempt("version", "--format", "json" if program == "podman" else "{{json .Server}}")
        if told.returncode:
            continue
        if program == "docker" and "Podman Engine" in told.stdout and shutil.which("podman"):
            continue  # podman's own client knows what its socket does not: secrets and mounts of a build
        return engine
    return None


def _started(up: Path) -> Mapping[str, str]:
    script = 'told=$("$0") && eval "$told" && env -0'
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
    return dict(each.partition("=")[::2] for each in done.stdout.split("\0") if each)


def size_report(engine: Engine, image: str) -> str:
    """Tell how large the image is, and how much of it the worker and its packages are."""
    whole = engine.inspect("image", image)["Size"]
    told = engine.run("run", "--rm", "--entrypoint", "du", image, "-sk", "/opt/reprise")
    return f"{whole / 1e6:.0f} MB, of which {int(told.split()[0]) * 1024 / 1e6:.0f} MB on top of Python's"
