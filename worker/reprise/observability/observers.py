"""Observers that are building blocks: one that ignores every call, and one that forwards to several."""

from collections.abc import Sequence

from reprise.model import Article, CorruptRecord, Decision, Dependency, Message, OutageKind, Rejection, Stage
from reprise.processing.ports import Observer


class NullObserver:
    """Ignores every call; a subclass overrides the methods that it needs."""

    def polled(self, message_count: int) -> None:
        """See Observer."""

    def decoded(self, articles: Sequence[Article]) -> None:
        """See Observer."""

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """See Observer."""

    def unexpected_error(self, error: Exception) -> None:
        """See Observer."""

    def stage_completed(self, stage: Stage, seconds: float) -> None:
        """See Observer."""

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """See Observer."""

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """See Observer."""

    def skipped(self) -> None:
        """See Observer."""

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """See Observer."""

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """See Observer."""

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        """See Observer."""

    def warm_up_over(self, learned: int) -> None:
        """See Observer."""


class CompositeObserver:
    """Forwards every call to each observer, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def polled(self, message_count: int) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.polled(message_count)

    def decoded(self, articles: Sequence[Article]) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.decoded(articles)

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.fingerprinted(article_count, seconds)

    def unexpected_error(self, error: Exception) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.unexpected_error(error)

    def stage_completed(self, stage: Stage, seconds: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.stage_completed(stage, seconds)

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.decided(decisions, index_wait_seconds, batch_seconds)

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.dead_lettered(message, rejection)

    def skipped(self) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.skipped()

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.delivered(messages)

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.unreachable(dependency, reason, kind)

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.reachable(dependency)

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.warm_up_progress(learned, is_waiting)

    def warm_up_over(self, learned: int) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.warm_up_over(learned)
