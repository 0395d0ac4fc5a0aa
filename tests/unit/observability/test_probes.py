import pytest

from reprise.model import Dependency, OutageKind
from reprise.observability.probes import ProbeState
from tests.fake_clock import FakeClock

LIVENESS_TIMEOUT_SECONDS = 30.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def probes(clock: FakeClock) -> ProbeState:
    return ProbeState(LIVENESS_TIMEOUT_SECONDS, clock)


def make_ready(probes: ProbeState) -> None:
    """Do what a worker does until it is ready."""
    probes.reachable(Dependency.REDIS)
    probes.reachable(Dependency.KAFKA)
    probes.mark_started(lambda: True)


def test_a_starting_worker_is_neither_alive_nor_ready(probes: ProbeState) -> None:
    """A startup probe on /livez succeeds once the worker is connected."""
    assert probes.liveness_failures() == ["starting"]
    assert probes.readiness_failures() == [
        "kafka does not answer",
        "redis does not answer",
        "not a member of the group: joining or rebalancing",
    ]
    make_ready(probes)
    assert probes.liveness_failures() == []
    assert probes.readiness_failures() == []


def test_liveness_needs_a_poll_within_the_timeout(probes: ProbeState, clock: FakeClock) -> None:
    """An empty poll counts. A worker that hangs stays ready, since Kubernetes restarts it."""
    make_ready(probes)
    clock.now = LIVENESS_TIMEOUT_SECONDS
    assert probes.liveness_failures() == []
    clock.now = LIVENESS_TIMEOUT_SECONDS + 1
    assert probes.liveness_failures() == ["no poll completed for 31 s"]
    assert probes.readiness_failures() == []
    probes.polled(0)
    assert probes.liveness_failures() == []


@pytest.mark.parametrize("dependency", Dependency)
def test_an_outage_fails_readiness_only(probes: ProbeState, dependency: Dependency) -> None:
    """If liveness depended on Redis or Kafka, their outage would restart every worker."""
    make_ready(probes)
    probes.unreachable(dependency, "refused")
    assert probes.readiness_failures() == [f"{dependency} does not answer"]
    assert probes.liveness_failures() == []
    probes.reachable(dependency)
    assert probes.readiness_failures() == []


def test_readiness_needs_group_membership(probes: ProbeState) -> None:
    """Each probe reads the membership, which rebalances change."""
    make_ready(probes)
    is_member = False
    probes.mark_started(lambda: is_member)
    assert probes.readiness_failures() == ["not a member of the group: joining or rebalancing"]
    is_member = True
    assert probes.readiness_failures() == []


def test_a_draining_worker_is_alive_and_not_ready(probes: ProbeState) -> None:
    """Draining is an orderly stop, not a failure."""
    make_ready(probes)
    probes.mark_draining()
    assert probes.readiness_failures() == ["draining"]
    assert probes.liveness_failures() == []


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (OutageKind.UNREACHABLE, "redis does not answer"),
        (OutageKind.REFUSES_WRITES, "redis refuses writes"),
        (OutageKind.REFUSES_USER, "redis refuses the user name, the password or a command"),
    ],
)
def test_a_readiness_failure_names_the_kind_of_the_outage(kind: OutageKind, failure: str) -> None:
    """A full Redis and a wrong password need another action than a Redis that is away."""
    probes = ProbeState(60.0)
    probes.mark_started(lambda: True)
    probes.reachable(Dependency.KAFKA)
    probes.unreachable(Dependency.REDIS, "OOM", kind)
    assert probes.readiness_failures() == [failure]
