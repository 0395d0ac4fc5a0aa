"""A batch asked for in several namespaces: the order of its answers, and what becomes of the others when one fails."""

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
def test_a_batch_is_asked_for_once_a_namespace(namespaces: list[str]) -> None:
    """Each namespace is asked once, for its articles in their order, and the answers stand in the batch's order."""
    asked: list[tuple[str, list[int]]] = []

    class Recording:
        def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
            asked.append((namespace, [int(each.article_id) for each in fingerprints]))
            return CompletedDecisions(
                [
                    Decision(type=EventType.NEW, story_id=f"{namespace}{each.article_id}", decided_at_ms=now_ms)
                    for each in fingerprints
                ]
            )

        def close(self) -> None: ...

    decisions = submit_by_namespace(Recording(), batch_of(namespaces), 5).result()
    assert [each.story_id for each in decisions] == [f"{each}{number}" for number, each in enumerate(namespaces)]
    assert {each.decided_at_ms for each in decisions} <= {5}
    assert [namespace for namespace, _ in asked] == list(dict.fromkeys(namespaces))
    assert all(numbers == sorted(numbers) for _, numbers in asked)


@pytest.mark.parametrize("fails", ["asking", "answering"])
def test_where_one_fails_the_others_are_not_left_waiting(fails: str) -> None:
    """One that is away is waited for; the others are dropped, so that nothing of the batch stays behind."""
    waited: list[str] = []
    dropped: list[str] = []

    @dataclass
    class Failing:
        namespace: str = ""

        def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
            if fails == "asking" and namespace == "c":
                raise Unreachable("away")
            return Failing(namespace)

        def result(self) -> Sequence[Decision]:
            waited.append(self.namespace)
            raise Unreachable("away")

        def cancel(self) -> None:
            dropped.append(self.namespace)

        def close(self) -> None: ...

    with pytest.raises(Unreachable):
        submit_by_namespace(Failing(), batch_of("abc"), 5).result()
    assert len(waited) == (fails == "answering")
    assert sorted(waited + dropped) == (["a", "b"] if fails == "asking" else ["a", "b", "c"])
