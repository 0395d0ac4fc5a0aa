"""A Kafka broker without containers: its jars by Maven, KRaft on one node, on free loopback ports."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack.health_checks import kafka_answers
from deploy.local.stack.processes import child, end, free_port, output_of, tail, wait_until
from deploy.local.stack.types import Service, StackKind, StackUnavailable

_POM: Final = Path(__file__).parent.parent / "pom.xml"

#: The oldest Java that Kafka 4 runs on.
_OLDEST_JAVA: Final = 17

#: Seconds for 43 MB from a repository that may be slow; eight are usual.
_FETCH_SECONDS: Final = 300.0

#: Seconds for the storage tool and for the broker; two and three are usual, more on a busy machine.
_FORMAT_SECONDS: Final = 60.0
_START_SECONDS: Final = 60.0

#: Seconds after SIGTERM: its data is thrown away, so the broker needs no orderly end.
_STOP_SECONDS: Final = 3.0

#: A small heap and the collector with the fewest threads: the machine belongs to the worker and the tests.
_JVM_OPTIONS: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

#: What runs a node, among the programs of the jars.
BROKER_CLASS: Final = "kafka.Kafka"

#: Any 16 bytes in base64; the cluster lives as long as its context.
_CLUSTER_ID: Final = "cmVwcmlzZS1sb2NhbC0wMQ"

#: Settings that hold for a single throw-away node, also in a container (compose.yaml repeats them; a test compares).
#: Topics are made by who needs them, with their partitions; groups start without waiting for members; internal topics
#: are kept small.
BROKER_SETTINGS: Final = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
}

_LOG4J: Final = """\
status = ERROR
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.type = Console
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A further port of the broker; `protocol` is Kafka's word (SSL, SASL_SSL, ...), `name` begins its settings."""

    name: str
    protocol: str
    port: int


def jvm_problem() -> str | None:
    """Say why this machine cannot run the broker, or None where it can."""
    told = output_of(["java", "-version"], timeout_seconds=20.0)
    version = re.search(r'version "(\d+)', told or "")
    if version is None:
        return "no Java"
    if int(version[1]) < _OLDEST_JAVA:
        return f"Java {version[1]} is older than {_OLDEST_JAVA}"
    if shutil.which("mvn") is None:
        return "no Maven (mvn)"
    return None


def fetch_jars(state: Path) -> Path:
    """Return the folder with the broker's jars, fetched by Maven once for each content of the pom.

    Raises StackUnavailable with Maven's own words.
    """
    digest = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    jars = state / f"kafka-{digest}"
    if jars.is_dir():
        return jars
    state.mkdir(parents=True, exist_ok=True)
    log = state / "maven.log"
    with tempfile.TemporaryDirectory(dir=state, prefix="fetch-") as name:
        unfinished = Path(name) / "jars"
        _copy_dependencies(unfinished, log)
        try:
            unfinished.rename(jars)  # whole or not at all, also when interrupted
        except OSError:
            if not jars.is_dir():  # somebody else was first
                raise
    return jars


def _copy_dependencies(folder: Path, log: Path) -> None:
    arguments: list[str | Path] = ["mvn", "-B", "-f", _POM, "dependency:copy-dependencies"]
    arguments += [f"-DoutputDirectory={folder.absolute()}", "-DincludeScope=runtime"]
    log.unlink(missing_ok=True)
    with child(arguments, log) as maven:
        try:
            code = maven.wait(timeout=_FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            raise StackUnavailable(f"Maven took more than {_FETCH_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise StackUnavailable(f"Maven could not fetch Kafka\n{tail(log)}")


@contextmanager
def jvm_kafka(
    state: Path, directory: Path, *, listeners: Sequence[Listener] = (), settings: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run a broker on free loopback ports, its data thrown away at the end. Raises StackUnavailable.

    Its address is that of a listener without security; `listeners` come beside it, advertised as localhost.
    """
    jars, log = fetch_jars(state), directory / "kafka.log"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="reprise-kafka-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        properties = write_configuration(home, port, listeners, settings or {})
        java = java_command(home, jars)
        format_storage(java, properties, log)
        with child([*java, BROKER_CLASS, properties], log, stop_seconds=_STOP_SECONDS) as broker:
            wait_for(broker, f"127.0.0.1:{port}", log)
            yield Service(kind=StackKind.JVM, what=f"Kafka {_version(jars)}", address=f"127.0.0.1:{port}")


def java_command(home: Path, jars: Path) -> list[str]:
    """Return how Java is started for a program of the broker's jars that logs as `home` says."""
    return ["java", *_JVM_OPTIONS, f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}", "-cp", f"{jars}/*"]


def write_configuration(home: Path, port: int, listeners: Sequence[Listener], more: Mapping[str, str]) -> Path:
    """Write the settings of a node and of its log; its data will lie in `home` too, and survive the node there."""
    controller_port = free_port()
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    protocols |= {listener.name: listener.protocol for listener in listeners}
    advertised = [f"PLAINTEXT://127.0.0.1:{port}"]
    advertised += [f"{listener.name}://localhost:{listener.port}" for listener in listeners]  # as certificates name it
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": ",".join([*advertised, f"CONTROLLER://127.0.0.1:{controller_port}"]),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(home / "data"),
        **BROKER_SETTINGS,
        **more,
    }
    (home / "log4j2.properties").write_text(_LOG4J)
    properties = home / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return properties


def format_storage(java: list[str], properties: Path, log: Path) -> None:
    """Prepare the folder of a node's data. Raises StackUnavailable."""
    with child([*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", properties], log) as tool:
        try:
            code = tool.wait(timeout=_FORMAT_SECONDS)
        except subprocess.TimeoutExpired:
            code = end(tool)
    if code != 0:
        raise StackUnavailable(f"Kafka's storage could not be formatted\n{tail(log)}")


def wait_for(broker: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Return when a broker answers. Raises StackUnavailable."""
    try:
        wait_until(lambda: broker.poll() is not None or kafka_answers(address), _START_SECONDS, "an answer of Kafka")
    except TimeoutError as error:
        raise StackUnavailable(f"{error}\n{tail(log)}") from None
    if broker.poll() is not None:
        raise StackUnavailable(f"Kafka ended while it started\n{tail(log)}")


def _version(jars: Path) -> str:
    for jar in os.listdir(jars):
        if found := re.fullmatch(r"kafka_2\.13-(.+)\.jar", jar):
            return found[1]
    return ""
