"""Pack and unpack the stories in the reply of lookup and in the arguments of commit."""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from reprise.index.types import Story

#: The story of a record in the reply of lookup, as it stands in the record: number, other fields, id. For a merged
#: story the number and the id of the root follow.
_RECORDED_STORY: Final = struct.Struct(">5s12x16s")
_MERGED_STORY: Final = struct.Struct(">5s12x16s5s16s")


def unpack_stories(packed: bytes) -> dict[int, Story]:
    """Unpack the stories of records by number; 0 is the number of that of the latest decision."""
    return {story.number: story for parts in _RECORDED_STORY.iter_unpack(packed) if (story := _unpack_story(*parts))}


def unpack_merged(packed: bytes) -> Mapping[int, tuple[Story, Story]]:
    """Unpack merged stories by number, each with its root."""
    pairs = [(_unpack_story(*parts[:2]), _unpack_story(*parts[2:])) for parts in _MERGED_STORY.iter_unpack(packed)]
    return {story.number: (story, root) for story, root in pairs}


def _unpack_story(number: bytes, story_id: bytes) -> Story:
    return Story(int.from_bytes(number, "big"), story_id.hex())


def pack_story(story: Story) -> bytes:
    """Pack a story: number 5 bytes, id 16."""
    return story.number.to_bytes(5, "big") + bytes.fromhex(story.story_id)


def pack_validated_stories(
    packed: bytes, looked_up_roots: Iterable[str], roots: Mapping[str, Story]
) -> tuple[bytes, bytes]:
    """Return the stories that must not have been merged, and the merged ones with the ids of their roots.

    packed           the stories that the lookup found and that were not merged, as it returned them
    looked_up_roots  the merged stories that the lookup found
    roots            id of each merged story -> its root, after the earlier articles of the batch
    """
    if not roots:
        return packed, b""
    stories = unpack_stories(packed).values()
    merged = {story.story_id for story in stories if story.story_id in roots}
    return (
        b"".join(
            _RECORDED_STORY.pack(bytes(5), bytes.fromhex(story.story_id))
            for story in stories
            if story.story_id not in merged
        ),
        b"".join(
            bytes.fromhex(story_id) + bytes.fromhex(roots[story_id].story_id)
            for story_id in merged.union(looked_up_roots)
        ),
    )
