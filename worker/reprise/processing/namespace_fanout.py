"""A batch's articles are asked for in the index of their namespace, all namespaces at once.

May live here: how a batch is cut and its answers are put together. May not: which namespace an article is of, an index.
"""

from collections.abc import Callable, Sequence

from reprise.model import Decision, Fingerprint
from reprise.processing.ports import Answers


def submit_by_namespace(
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

    def drop() -> None:
        while asked:
            asked.pop()[1].drop()

    def wait() -> Sequence[Decision]:
        decisions: dict[int, Decision] = {}
        try:
            while asked:
                numbers, answers = asked.pop()
                decisions.update(zip(numbers, answers.wait(), strict=True))
        except BaseException:
            drop()  # the first that is away is waited for, the others are not
            raise
        return [decisions[number] for number in range(len(fingerprints))]

    try:
        for namespace, numbers in groups.items():
            asked.append((numbers, ask(namespace, [fingerprints[number] for number in numbers], now_ms)))
    except BaseException:
        drop()
        raise
    return Answers(wait, drop)
