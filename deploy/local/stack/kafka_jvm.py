"""Run a Kafka broker without containers: jars from Maven, one KRaft node, free loopback ports."""

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

from deploy.local.stack.health_checks import is_kafka_up
from deploy.local.stack.processes import free_port, read_output, run_child, tail, terminate, wait_until
from deploy.local.stack.types import StackKind, StackService, StackUnavailable

_POM: Final = Path(__file__).parent.parent / "pom.xml"

#: oldest Java version that Kafka 4 supports
_MIN_JAVA: Final = 17

#: seconds to download 43 MB; usually it takes 8 s, but a repository may be slow
_FETCH_SECONDS: Final = 300.0

#: seconds for the storage tool and for the broker; usually they take 2 s and 3 s, more on a busy machine
_FORMAT_SECONDS: Final = 60.0
_START_SECONDS: Final = 60.0

#: seconds between SIGTERM and SIGKILL; short, because the data is discarded
_STOP_SECONDS: Final = 3.0

#: options for a small heap and few threads, which leave the machine to the worker and the tests
_JVM_OPTIONS: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

#: main class of a node
BROKER_CLASS: Final = "kafka.Kafka"

#: id of the cluster: any 16 bytes in base64, because the cluster is temporary
_CLUSTER_ID: Final = "cmVwcmlzZS1sb2NhbC0wMQ"

#: settings of a single temporary node; compose.yaml repeats them, and a test compares both
#: Clients create their topics with a number of partitions, so automatic creation is off. Groups start without waiting
#: for members. Internal topics are small.
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
    """An additional listener of the broker. `protocol` is a security protocol; `name` is part of its settings."""

    name: str
    protocol: str
    port: int


def find_jvm_problem() -> str | None:
    """Return why this machine cannot run the broker, or None if it can."""
    output = read_output(["java", "-version"], timeout_seconds=20.0)
    version = re.search(r'version "(\d+)', output or "")
    if version is None:
        return "no Java"
    if int(version[1]) < _MIN_JAVA:
        return f"Java {version[1]} is older than {_MIN_JAVA}"
    if shutil.which("mvn") is None:
        return "no Maven (mvn)"
    return None


def fetch_jars(state: Path) -> Path:
    """Return the directory of the broker's jars. Maven downloads them once for each content of the pom.

    Raises StackUnavailable with the end of Maven's log.
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
            unfinished.rename(jars)  # atomic, so that an interrupted download leaves no partial directory
        except OSError:
            if not jars.is_dir():  # unless another process finished first
                raise
    return jars


def _copy_dependencies(directory: Path, log: Path) -> None:
    arguments: list[str | Path] = ["mvn", "-B", "-f", _POM, "dependency:copy-dependencies"]
    arguments += [f"-DoutputDirectory={directory.absolute()}", "-DincludeScope=runtime"]
    log.unlink(missing_ok=True)
    with run_child(arguments, log) as maven:
        try:
            code = maven.wait(timeout=_FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            raise StackUnavailable(f"Maven took more than {_FETCH_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise StackUnavailable(f"Maven could not download Kafka\n{tail(log)}")


@contextmanager
def jvm_kafka(
    state: Path, directory: Path, *, listeners: Sequence[Listener] = (), settings: Mapping[str, str] | None = None
) -> Iterator[StackService]:
    """Run a broker on free loopback ports and discard its data at the end. Raises StackUnavailable.

    The address of the service is a listener without security. `listeners` are additional ones, advertised as localhost.
    """
    jars, log = fetch_jars(state), directory / "kafka.log"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="reprise-kafka-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        properties = write_configuration(home, port, listeners, settings or {})
        java = java_command(home, jars)
        format_storage(java, properties, log)
        with run_child([*java, BROKER_CLASS, properties], log, stop_seconds=_STOP_SECONDS) as broker:
            wait_for_broker(broker, f"127.0.0.1:{port}", log)
            yield StackService(kind=StackKind.JVM, product=f"Kafka {_read_version(jars)}", address=f"127.0.0.1:{port}")


def java_command(home: Path, jars: Path) -> list[str]:
    """Return the command that runs a class of the broker's jars, with the log4j configuration in `home`."""
    return ["java", *_JVM_OPTIONS, f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}", "-cp", f"{jars}/*"]


def write_configuration(
    home: Path, port: int, listeners: Sequence[Listener], extra_settings: Mapping[str, str]
) -> Path:
    """Write the settings of a node and of its log into `home`. Return the path of the node's settings.

    The data is also in `home` and survives a restart of the node.
    """
    controller_port = free_port()
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    protocols |= {listener.name: listener.protocol for listener in listeners}
    advertised = [f"PLAINTEXT://127.0.0.1:{port}"]
    advertised += [f"{listener.name}://localhost:{listener.port}" for listener in listeners]
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
        **extra_settings,
    }
    (home / "log4j2.properties").write_text(_LOG4J)
    properties = home / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return properties


def format_storage(java: list[str], properties: Path, log: Path) -> None:
    """Format the data directory of a node. Raises StackUnavailable."""
    with run_child([*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", properties], log) as tool:
        try:
            code = tool.wait(timeout=_FORMAT_SECONDS)
        except subprocess.TimeoutExpired:
            code = terminate(tool)
    if code != 0:
        raise StackUnavailable(f"Kafka's storage tool failed\n{tail(log)}")


def wait_for_broker(broker: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until the broker answers. Raises StackUnavailable if it ends or does not answer."""
    try:
        wait_until(lambda: broker.poll() is not None or is_kafka_up(address), _START_SECONDS, "an answer of Kafka")
    except TimeoutError as error:
        raise StackUnavailable(f"{error}\n{tail(log)}") from None
    if broker.poll() is not None:
        raise StackUnavailable(f"Kafka ended during its start\n{tail(log)}")


def _read_version(jars: Path) -> str:
    for jar in os.listdir(jars):
        if found := re.fullmatch(r"kafka_2\.13-(.+)\.jar", jar):
            return found[1]
    return ""
