"""A fake of the consumer group that a worker takes over from."""

from dataclasses import dataclass

from reprise.errors import Unreachable
from reprise.warm_up.cutoff import GroupState


@dataclass
class FakeGroup:
    """A consumer group whose state a test sets. `reads` counts the reads of its state."""

    offsets: dict[int, int]
    members: int = 1
    reads: int = 0
    is_reachable: bool = True

    def read_state(self) -> GroupState:
        self.reads += 1
        if not self.is_reachable:
            raise Unreachable("kafka")
        return GroupState(members=self.members, offsets=dict(self.offsets))
