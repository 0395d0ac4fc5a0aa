"""Another consumer group and a clock, which do what a test tells them."""

from dataclasses import dataclass

from reprise.warm_up.cutoff import GroupState


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Group:
    """Another group, as it is told of."""

    offsets: dict[int, int]
    members: int = 1
    asked: int = 0

    def look(self) -> GroupState:
        self.asked += 1
        return GroupState(members=self.members, offsets=dict(self.offsets))
