"""The index in the memory of one process: the reference implementation that the tests compare RedisIndex with."""

from collections import defaultdict
from collections.abc import Sequence

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.decide import DecisionContext, decide
from reprise.index.state import IndexState
from reprise.model import Decision, Fingerprint
from reprise.processing.pending import CompletedDecisions


class MemoryIndex:
    """An index in memory. Its size has no bound."""

    def __init__(self, *, rule: Rule, retention: Retention) -> None:
        self._rule = rule
        self._retention = retention
        self._states: defaultdict[str, IndexState] = defaultdict(IndexState)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> CompletedDecisions:
        """See Index; decides at once."""
        return CompletedDecisions(self.decide(namespace, fingerprints, now_ms))

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Decide and record articles, in order."""
        state = self._states[namespace]
        return [self._decide(namespace, state, fingerprint, now_ms) for fingerprint in fingerprints]

    def close(self) -> None:
        """See Index; there is nothing to free."""

    def _decide(self, namespace: str, state: IndexState, fingerprint: Fingerprint, now_ms: int) -> Decision:
        context = DecisionContext(namespace=namespace, rule=self._rule, retention=self._retention, now_ms=now_ms)
        lookup = state.lookup(fingerprint, self._retention, now_ms)
        decision, changes = decide(context, fingerprint, lookup, len(state.records) + 1, state.load)
        if changes:
            state.apply(fingerprint, changes, now_ms)
        return decision
