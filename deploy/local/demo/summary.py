"""The last words: the counts, the speed, and how the stories found in the sample compare with the gold ones."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.demo.counters import OutcomeCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleComparison:
    """Stories found against gold ones, over the pages that have both. Precision and recall are B-cubed, 0..1."""

    pages: int
    gold: int
    found: int
    alike: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def compare_stories(gold: Mapping[str, str], found: Mapping[str, str]) -> SampleComparison:
    """Compare two groupings of the same pages (Bagga and Baldwin's B-cubed, the mean over pages)."""
    pages = [page for page in gold if page in found]
    pairs = Counter((gold[page], found[page]) for page in pages)
    of_gold, of_found = Counter(gold[page] for page in pages), Counter(found[page] for page in pages)
    total = max(len(pages), 1)
    return SampleComparison(
        pages=len(pages),
        gold=len(of_gold),
        found=len(of_found),
        alike=sum(count == of_gold[story] == of_found[cluster] for (story, cluster), count in pairs.items()),
        precision=sum(count * count / of_found[cluster] for (_, cluster), count in pairs.items()) / total,
        recall=sum(count * count / of_gold[story] for (story, _), count in pairs.items()) / total,
    )


def summarize(
    tally: OutcomeCounters, gold: Mapping[str, str], stack: str, articles_per_second: float | None
) -> list[str]:
    """Tell the whole run in a few lines; `articles_per_second` is that of the synthetic stream, if it came to it."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.kinds.items())) or "none"
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.dead.most_common()) or "none"
    seen = compare_stories(gold, tally.story_of)
    speed = "not reached" if articles_per_second is None else f"{articles_per_second:,.0f} articles/s on the stream"
    compared = (
        f"{seen.pages} pages of {seen.gold} labelled stories: {seen.found} found, {seen.alike} exactly as labelled"
    )
    grades = f"precision {seen.precision:.3f}, recall {seen.recall:.3f}, F1 {seen.f1:.3f}"
    return [
        f"stack         {stack}",
        f"articles      {tally.articles_in:,}",
        f"stories       {tally.stories:,}",
        f"variants      {tally.kinds.total():,} ({kinds})",
        f"dead letters  {tally.dead.total():,} ({reasons})",
        f"throughput    {speed}",
        f"sample        {compared}",
        f"              B-cubed {grades}",
    ]
