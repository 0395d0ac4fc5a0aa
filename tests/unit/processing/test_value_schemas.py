"""The pipeline loads the schemas of a batch before it decodes the batch."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reprise.model import CorruptRecord, Dependency, Message
from tests.unit.processing.test_pipeline import Faults, PipelineRun


@dataclass
class FakeSchemas:
    """The values of messages are the numbers of their schemas."""

    faults: Faults
    loaded: set[int] = field(default_factory=set)

    def missing(self, messages: Iterable[Message | CorruptRecord]) -> AbstractSet[int]:
        values = (message.value or b"" for message in messages if isinstance(message, Message))
        return {int(value) for value in values} - self.loaded

    def load(self, schema_ids: Iterable[int]) -> None:
        self.faults.call("load")
        self.loaded |= set(schema_ids)


def test_each_schema_is_loaded_once_before_its_batch_is_decoded() -> None:
    """Batches of known schemas need no request."""
    run = PipelineRun(b"1", b"01", b"2", batch_max=1)
    run.pipeline.schemas = schemas = FakeSchemas(run.faults)
    assert run.pipeline.run() is True
    assert schemas.loaded == {1, 2}
    assert run.faults.calls.count("load") == 2
    assert run.faults.calls[:3] == ["poll", "load", "submit"]
    assert run.events == [b"1 n-0", b"01 n-1", b"2 n-2"]


def test_an_outage_of_the_registry_is_waited_for() -> None:
    """The decided batches are delivered first; nothing becomes a dead letter, and the outage is reported."""
    run = PipelineRun(b"1", b"01", b"2", batch_max=1)
    run.pipeline.schemas = FakeSchemas(run.faults, loaded={1})
    run.faults.left["load"] = 3
    assert run.pipeline.run() is True
    calls = [call for call in run.faults.calls if call != "poll"]
    first = calls.index("load")
    assert calls[:first].count("commit") == 2, "both batches before the outage are committed"
    assert calls[first : first + 4] == ["load"] * 4
    assert run.events == [b"1 n-0", b"01 n-1", b"2 n-2"]
    assert run.dead == []
    assert [record[1] for record in run.observer.of("unreachable")] == [Dependency.SCHEMA_REGISTRY]
    assert [record[1] for record in run.observer.of("reachable")] == [Dependency.SCHEMA_REGISTRY]


def test_a_stop_during_an_outage_of_the_registry_ends_the_run() -> None:
    """The batch that needs the schema is not committed, and is read again after a restart."""
    run = PipelineRun(b"1", b"2", batch_max=1)
    run.pipeline.schemas = FakeSchemas(run.faults, loaded={1})
    run.faults.left["load"] = 1_000_000
    original = run.faults.call

    def call(step: str) -> None:
        if step == "load" and run.faults.calls.count("load") == 2:
            run.stop.request()
        original(step)

    run.faults.call = call  # type: ignore[method-assign]
    assert run.pipeline.run() is False
    assert run.committed == 1
    assert run.events == [b"1 n-0"]
