"""The fan-out of a batch to several namespaces: the order of its decisions, and the failure of one namespace."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import Unreachable
from reprise.model import Decision, EventType, Fingerprint
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.pending import CompletedDecisions
from reprise.processing.ports import PendingDecisions


def batch_of(namespaces: Sequence[str]) -> list[Fingerprint]:
    return [
        Fingerprint(article_id=str(number), content_hash=b"", namespace=namespace)
        for number, namespace in enumerate(namespaces)
    ]


@given(st.lists(st.sampled_from("abc")))
def test_each_namespace_gets_one_batch(namespaces: list[str]) -> None:
    """Each namespace gets its articles in their order. The decisions are in the order of the whole batch."""
    submitted: list[tuple[str, list[int]]] = []

    class SubmittingIndex:
        def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
            submitted.append((namespace, [int(fingerprint.article_id) for fingerprint in fingerprints]))
            return CompletedDecisions(
                [
                    Decision(type=EventType.NEW, story_id=f"{namespace}{fingerprint.article_id}", decided_at_ms=now_ms)
                    for fingerprint in fingerprints
                ]
            )

        def close(self) -> None: ...

    decisions = submit_by_namespace(SubmittingIndex(), batch_of(namespaces), 5).result()
    assert [decision.story_id for decision in decisions] == [
        f"{namespace}{number}" for number, namespace in enumerate(namespaces)
    ]
    assert {decision.decided_at_ms for decision in decisions} <= {5}
    assert [namespace for namespace, _ in submitted] == list(dict.fromkeys(namespaces))
    assert all(numbers == sorted(numbers) for _, numbers in submitted)


@pytest.mark.parametrize("failing", ["submit", "result"])
def test_other_batches_are_cancelled_after_a_failure(failing: str) -> None:
    """After a failure no batch stays in flight."""
    awaited: list[str] = []
    cancelled: list[str] = []

    @dataclass
    class UnreachableIndex:
        namespace: str = ""

        def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
            if failing == "submit" and namespace == "c":
                raise Unreachable("away")
            return UnreachableIndex(namespace)

        def begin_commit(self) -> None: ...

        def result(self) -> Sequence[Decision]:
            awaited.append(self.namespace)
            raise Unreachable("away")

        def cancel(self) -> None:
            cancelled.append(self.namespace)

        def close(self) -> None: ...

    with pytest.raises(Unreachable):
        submit_by_namespace(UnreachableIndex(), batch_of("abc"), 5).result()
    assert len(awaited) == (failing == "result")
    assert sorted(awaited + cancelled) == (["a", "b"] if failing == "submit" else ["a", "b", "c"])
