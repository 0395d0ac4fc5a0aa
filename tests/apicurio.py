"""A real Schema Registry for tests: Apicurio, from its Maven artefact, with its data in memory."""

import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.stack import free_port, run_child, wait_until
from deploy.local.stack.kafka_jvm import find_jvm_problem
from tests.support import REPOSITORY, unavailable

#: The last version of which Maven Central has all that Maven needs, and that runs on Java 17.
_VERSION: Final = "2.6.13.Final"

#: Seconds to download 142 MB, and until the registry answers; usually they take 20 s and 10 s.
_FETCH_SECONDS: Final = 300.0
_START_SECONDS: Final = 120.0


@contextmanager
def apicurio(directory: Path) -> Iterator[str]:
    """Run a registry and yield the address of its API for Confluent's clients."""
    if problem := find_jvm_problem():
        unavailable("stack", f"no Schema Registry: {problem}")
    jar = _fetch(REPOSITORY / ".stack")
    port = free_port()
    arguments: list[str | Path] = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    arguments += ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}", "-jar", jar]
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    with run_child(arguments, directory / "apicurio.log"):
        wait_until(lambda: _answers(f"{url}/subjects"), _START_SECONDS, "an answer of Apicurio")
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def _fetch(state: Path) -> Path:
    """Return the runnable jar, which Maven downloads once."""
    folder = state / f"apicurio-{_VERSION}"
    jar = folder / f"apicurio-registry-app-{_VERSION}-runner.jar"
    if jar.is_file():
        return jar
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state, prefix="fetch-") as name:
        arguments: list[str | Path] = [
            "mvn", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy", "-Dmdep.useBaseVersion=true",
            f"-Dartifact=io.apicurio:apicurio-registry-app:{_VERSION}:tar.gz:all", f"-DoutputDirectory={name}",
        ]  # fmt: skip
        with run_child(arguments, state / "maven-apicurio.log") as maven:
            if maven.wait(timeout=_FETCH_SECONDS) != 0:
                unavailable("stack", f"Maven could not download Apicurio: {state / 'maven-apicurio.log'}")
        (archive,) = Path(name).glob("*.tar.gz")
        unpacked = Path(name) / "unpacked"
        with tarfile.open(archive) as content:
            content.extractall(unpacked, filter="data")
        try:
            unpacked.rename(folder)  # atomic, so that an interrupted download leaves no partial folder
        except OSError:
            if not jar.is_file():  # unless another process finished first
                raise
    return jar
