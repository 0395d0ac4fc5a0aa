"""Find the representative whose story an article joins, and the stories that it shows to be one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reprise.dedup.comparison import IDENTICAL, Comparison
from reprise.dedup.decision import Choice, choose, choose_earlier_crawl, source_key
from reprise.dedup.matches import Representative
from reprise.dedup.merges import Merge
from reprise.dedup.rule import Rule
from reprise.index.types import Lookup, RepresentativeRecord, Story
from reprise.model import Fingerprint, StoryMerge


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMerge:
    """A merge of a decision, with the ids of both stories: `story` is merged into `into`."""

    story: Story
    into: Story
    evidence: Merge

    def for_event(self) -> StoryMerge:
        """Return the merge as its event names it."""
        return StoryMerge(
            story_id=self.story.story_id,
            into=self.into.story_id,
            sources=self.evidence.support,
            representatives=self.evidence.representatives,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryMatch:
    """The representative that an article matches.

    story   the story of `record` before the merges
    merges  the merges that the article shows; neither story need be `story`
    """

    record: RepresentativeRecord
    comparison: Comparison
    story: Story
    merges: Sequence[AppliedMerge] = ()


def root_of(record: RepresentativeRecord, roots: Mapping[str, Story]) -> Story:
    """Return the story of a representative now."""
    return roots.get(record.story_id) or Story(record.story_number, record.story_id)


def follow(story: Story, merges: Sequence[AppliedMerge]) -> Story:
    """Return the story that a story belongs to after some merges."""
    into = {merge.story.story_id: merge.into for merge in merges}
    while story.story_id in into:
        story = into[story.story_id]
    return story


def find_match(
    fingerprint: Fingerprint,
    lookup: Lookup,
    records: Sequence[RepresentativeRecord],
    witness_records: Sequence[RepresentativeRecord],
    founder_records: Sequence[RepresentativeRecord],
    rule: Rule,
) -> StoryMatch | None:
    """Find the representative to join: an exact copy, else the best of the article's own story, else the best of all.

    records          the candidates, and the representative that an earlier crawl of the article matched
    witness_records  the witnesses of the shortlist
    founder_records  the founders of the candidates' stories that are no candidates
    """
    if lookup.copy:
        return StoryMatch(record=lookup.copy, comparison=IDENTICAL, story=root_of(lookup.copy, lookup.roots))
    signature = fingerprint.signature
    if signature is None or not records:
        return None
    source = source_key(fingerprint.source)
    stories = _stories([*records, *witness_records, *founder_records], lookup.roots)
    candidates, witnesses, founders = (
        [_candidate(record, stories) for record in group] for group in (records, witness_records, founder_records)
    )
    earlier = choose_earlier_crawl(signature, source, _own_candidates(lookup, candidates, records, stories), rule)
    if earlier:
        choice: Choice | None = Choice(match=earlier)
    else:
        choice = choose(signature, source, candidates, rule, witnesses, founders)
    if choice is None:
        return None
    record = next(record for record in records if record.number == choice.match.representative.number)
    by_number = {story.number: story for story in stories.values()}
    return StoryMatch(
        record=record,
        comparison=choice.match.comparison,
        story=stories[record.story_id],
        merges=[
            AppliedMerge(story=by_number[merge.story_number], into=by_number[merge.into], evidence=merge)
            for merge in choice.merges
        ],
    )


def _own_candidates(
    lookup: Lookup,
    candidates: Sequence[Representative],
    records: Sequence[RepresentativeRecord],
    stories: Mapping[str, Story],
) -> Sequence[Representative]:
    """Return the candidates of the story that the latest decision on the article named."""
    own_story = _latest_story(lookup)
    return [
        candidate
        for candidate, record in zip(candidates, records, strict=True)
        if stories[record.story_id].story_id == own_story
    ]


def is_own_story(lookup: Lookup, story: Story, merges: Sequence[AppliedMerge]) -> bool:
    """Return whether the latest decision on the article named the same story, merges included."""
    if lookup.latest is None:
        return False
    latest = lookup.latest.decision.story_id
    return follow(lookup.roots.get(latest) or Story(0, latest), merges).story_id == story.story_id


def _latest_story(lookup: Lookup) -> str | None:
    if lookup.latest is None:
        return None
    latest = lookup.latest.decision.story_id
    return lookup.roots[latest].story_id if latest in lookup.roots else latest


def _stories(records: Sequence[RepresentativeRecord], roots: Mapping[str, Story]) -> Mapping[str, Story]:
    """Return the story of each representative now, by the id of the story that it was recorded for.

    In an index that learned from a previous one, two founders may have one story id. Such a story has the number of
    the older one, so that it is one story to the rule, which knows numbers alone.
    """
    stories: dict[str, Story] = {}
    for record in records:
        number, story_id = roots.get(record.story_id) or (record.story_number, record.story_id)
        if story_id not in stories or number < stories[story_id].number:
            stories[story_id] = Story(number, story_id)
    if not roots:
        return stories
    return {record.story_id: stories[(roots.get(record.story_id) or record).story_id] for record in records}


def _candidate(record: RepresentativeRecord, stories: Mapping[str, Story]) -> Representative:
    return Representative(
        number=record.number,
        story_number=stories[record.story_id].number,
        founder=record.story_number,
        source=record.source,
        shingle_count=record.shingle_count,
        sketch=record.sketch,
    )
