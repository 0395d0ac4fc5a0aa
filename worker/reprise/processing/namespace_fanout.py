"""Submits a batch to the index of each of its namespaces, all in flight at once."""

from collections.abc import Sequence

from reprise.model import Decision, Fingerprint
from reprise.processing.ports import Index, PendingDecisions


def submit_by_namespace(index: Index, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
    """Submit each namespace's articles in their order; the result has the decisions in the order of `fingerprints`.

    Raises what `Index.submit` raises; some namespaces may then be decided, as with any prefix of a batch.
    """
    positions: dict[str, list[int]] = {}
    for position, fingerprint in enumerate(fingerprints):
        positions.setdefault(fingerprint.namespace, []).append(position)
    pending = _FanoutDecisions(len(fingerprints))
    try:
        for namespace, own in positions.items():
            pending.add(own, index.submit(namespace, [fingerprints[position] for position in own], now_ms))
    except BaseException:
        pending.cancel()
        raise
    return pending


class _FanoutDecisions:
    """PendingDecisions of several namespaces."""

    def __init__(self, articles: int) -> None:
        self._articles = articles
        #: positions of a namespace's articles in the batch, with their decisions
        self._parts: list[tuple[Sequence[int], PendingDecisions]] = []

    def add(self, positions: Sequence[int], pending: PendingDecisions) -> None:
        """Add the decisions of one namespace."""
        self._parts.append((positions, pending))

    def begin_commit(self) -> None:
        """Begin the commits of all namespaces."""
        for _, pending in self._parts:
            pending.begin_commit()

    def result(self) -> Sequence[Decision]:
        """Wait for all namespaces. The first that fails cancels the others."""
        decisions: dict[int, Decision] = {}
        try:
            while self._parts:
                positions, pending = self._parts.pop()
                decisions.update(zip(positions, pending.result(), strict=True))
        except BaseException:
            self.cancel()
            raise
        return [decisions[position] for position in range(self._articles)]

    def cancel(self) -> None:
        """Cancel the namespaces that were not waited for."""
        while self._parts:
            self._parts.pop()[1].cancel()
