"""A batch's articles are asked for in the index of their namespace, all namespaces at once.

May live here: how a batch is cut and its answers are put together. May not: which namespace an article is of, an index.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from worker.errors import RepriseError
from worker.model import Decision, Fingerprint
from worker.ports import Answers


def ask_each(
    ask: Callable[[str, Sequence[Fingerprint], int], Answers], fingerprints: Sequence[Fingerprint], now_ms: int
) -> Answers:
    """Ask for each namespace's articles, in their order; the decisions come in the order of all.

    Both halves raise what `ask` and its answers raise: some namespaces may then be decided, as with any prefix of a
    batch.
    """
    groups: dict[str, list[int]] = {}
    for number, fingerprint in enumerate(fingerprints):
        groups.setdefault(fingerprint.namespace, []).append(number)
    asked: list[tuple[Sequence[int], Answers]] = []

    def answers() -> Sequence[Decision]:
        decisions: dict[int, Decision] = {}
        while asked:
            numbers, answer = asked.pop()
            try:
                decisions.update(zip(numbers, answer(), strict=True))
            except BaseException:
                _forget(asked)
                raise
        return [decisions[number] for number in range(len(fingerprints))]

    for namespace, numbers in groups.items():
        try:
            answer = ask(namespace, [fingerprints[number] for number in numbers], now_ms)
        except BaseException:
            _forget(asked)
            raise
        asked.append((numbers, answer))
    return answers


def _forget(asked: Sequence[tuple[Sequence[int], Answers]]) -> None:
    """Take what was asked for and is of no use any more: left alone, each would keep its connection."""
    for _, answer in asked:
        with suppress(RepriseError):
            answer()
