"""Another consumer group and a clock, which do what a test tells them."""

from dataclasses import dataclass

from reprise.warm_up.cutoff import GroupState


@dataclass
class Group:
    """Another group, as it is told of."""

    offsets: dict[int, int]
    members: int = 1
    asked: int = 0

    def look(self) -> GroupState:
        self.asked += 1
        return GroupState(members=self.members, offsets=dict(self.offsets))
