"""Decide on pages that may show a notice in place of an article. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reprise.dedup.no_article import PageVerdict, find_contradicted, find_same_page, judge_page, pages_to_keep
from reprise.index.story_match import root_of
from reprise.index.types import Changes, KnownPage, Lookup, RepresentativeRecord, StoredDecision, Story
from reprise.model import Fingerprint, Kind, Superseded


@dataclass(frozen=True, slots=True, kw_only=True)
class PageJudgement:
    """The verdict on a page.

    known    the known pages of its text; none if the index has none of their representatives
    shown    the representative of the notice, or of another address of the same page; None if there is none
    doubted  article id and representative of each known page that a doubted one contradicts
    """

    verdict: PageVerdict
    known: Sequence[KnownPage] = ()
    shown: RepresentativeRecord | None = None
    doubted: Sequence[tuple[str, int]] = ()

    def pages_after(self, fingerprint: Fingerprint, number: int) -> Sequence[KnownPage] | None:
        """Return the known pages of a text after a page of it; None if the page cannot show a notice.

        number  the representative that covers this page
        """
        page = fingerprint.page
        if page is None:
            return None
        pages = [each.page for each in self.known]
        if self.verdict is PageVerdict.NO_ARTICLE or find_same_page(page, pages) is not None:
            return self.known
        kept = [self.known[index] for index in pages_to_keep(page, pages)]
        return [*kept, KnownPage(replace(page, is_brief=False), number)]


def page_numbers(lookup: Lookup, oldest_ms: int) -> Sequence[int]:
    """Return the representatives of the known pages of a text that were last seen after a time."""
    numbers = dict.fromkeys(known.number for known in lookup.pages)
    return [number for number in numbers if is_recent(lookup, number, oldest_ms)]


def is_recent(lookup: Lookup, number: int, oldest_ms: int) -> bool:
    """Return whether a representative that the lookup found was last seen after a time."""
    return number in lookup.members and lookup.members[number].last_seen_ms > oldest_ms


def judge(fingerprint: Fingerprint, lookup: Lookup, records: Sequence[RepresentativeRecord]) -> PageJudgement:
    """Judge a page by the known pages of its text. `records` are the representatives of `page_numbers`."""
    page, known = fingerprint.page, lookup.pages if records else ()
    # The copy is no known page if the text was first seen on a page that mentions its title: then it is an article.
    if page is None or not known or (lookup.copy and lookup.copy.number not in {each.number for each in known}):
        return PageJudgement(verdict=PageVerdict.ARTICLE, known=known)
    by_number = {record.number: record for record in records}
    pages = [each.page for each in known]
    verdict = judge_page(page, pages)
    if verdict is PageVerdict.ARTICLE:
        same = find_same_page(page, pages)
        shown = None if same is None else by_number.get(known[same].number)
        return PageJudgement(verdict=verdict, known=known, shown=shown)
    if verdict is PageVerdict.NO_ARTICLE:
        return PageJudgement(verdict=verdict, known=known, shown=lookup.copy or records[0])
    contradicted = [by_number.get(known[index].number) for index in find_contradicted(page, pages)]
    doubted = dict.fromkeys((record.article_id, record.number) for record in contradicted if record)
    return PageJudgement(verdict=verdict, known=known, doubted=list(doubted))


def prefer_same_page(lookup: Lookup, judgement: PageJudgement) -> Lookup:
    """Return a lookup whose exact copy is another address of the same page, if there are copies on several pages."""
    if lookup.copy and judgement.verdict is PageVerdict.ARTICLE and judgement.shown:
        return replace(lookup, copy=judgement.shown)
    return lookup


def forget_notice(lookup: Lookup) -> Lookup:
    """Return a lookup without the latest decision on the article if its page showed a notice then."""
    if lookup.latest is None or lookup.latest.decision.is_article:
        return lookup
    return replace(lookup, latest=None)


def decide_no_article(
    fingerprint: Fingerprint, lookup: Lookup, judgement: PageJudgement, shown: RepresentativeRecord, now_ms: int
) -> Changes:
    """Decide that a page shows a notice. Its text keeps the representative, so that the notice stays known."""
    root = root_of(shown, lookup.roots)
    stored = StoredDecision(
        kind=None,
        similarity=0.0,
        containment=0.0,
        decided_at_ms=now_ms,
        story_id=root.story_id,
        representative=shown.number,
        is_article=False,
    )
    return Changes(
        stored=stored,
        latest=lookup.latest,
        match=shown,
        joined=root,
        merges={},
        covering=shown.number,
        record=None,
        fills=[],
        members=[],
        pages=judgement.pages_after(fingerprint, shown.number),
    )


def take_over_story(lookup: Lookup, number: int, now_ms: int, *, is_late: bool) -> tuple[StoredDecision, Story] | None:
    """Decide on a text that replaces the notice at its address; None if the address did not found a doubted story.

    The text continues that story, although it shares nothing with the notice. It is a founder of the story as well:
    later articles are compared with it instead of the notice.

    Returns the decision and the story of the new representative.
    """
    latest = lookup.latest
    if latest is None or not latest.decision.is_doubted:
        return None
    root = lookup.roots.get(latest.decision.story_id)
    story = Story(number, root.story_id if root else latest.decision.story_id)
    superseded = Superseded(
        content_hash=latest.content_hash, type=latest.decision.type, story_id=latest.decision.story_id
    )
    stored = StoredDecision(
        kind=Kind.REVISION,
        similarity=0.0,
        containment=0.0,
        decided_at_ms=now_ms,
        story_id=story.story_id,
        representative=number,
        is_late=is_late,
        supersedes=None if is_late else superseded,
    )
    return stored, story
