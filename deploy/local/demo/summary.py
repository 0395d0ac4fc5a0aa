"""Summarize the demo: counts, throughput, and a comparison of the sample's stories with their labels."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.demo.counters import OutcomeCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleComparison:
    """A comparison of found stories with labelled ones, over the pages that have both.

    identical  found stories with exactly the pages of a labelled story
    precision, recall
               B-cubed, 0..1
    """

    pages: int
    labelled: int
    found: int
    identical: int
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def compare_stories(gold: Mapping[str, str], found: Mapping[str, str]) -> SampleComparison:
    """Compare the stories of pages with their labels. `reprise.evaluation.scores` defines B-cubed."""
    pages = [page for page in gold if page in found]
    overlaps = Counter((gold[page], found[page]) for page in pages)
    gold_sizes, found_sizes = Counter(gold[page] for page in pages), Counter(found[page] for page in pages)
    total = max(len(pages), 1)
    return SampleComparison(
        pages=len(pages),
        labelled=len(gold_sizes),
        found=len(found_sizes),
        identical=sum(count == gold_sizes[label] == found_sizes[story] for (label, story), count in overlaps.items()),
        precision=sum(count * count / found_sizes[story] for (_, story), count in overlaps.items()) / total,
        recall=sum(count * count / gold_sizes[label] for (label, _), count in overlaps.items()) / total,
    )


def summarize(counters: OutcomeCounters, gold: Mapping[str, str], stack: str, throughput: float | None) -> list[str]:
    """Return the lines of the summary. `throughput` is in generated articles per second; None if not measured."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counters.variants.items())) or "none"
    reasons = ", ".join(f"{count} {reason}" for reason, count in counters.dead_letters.most_common()) or "none"
    sample = compare_stories(gold, counters.story_by_key)
    stories = (
        f"{sample.pages} pages of {sample.labelled} labelled stories: "
        f"{sample.found} found, {sample.identical} exactly as labelled"
    )
    return [
        f"stack         {stack}",
        f"articles      {counters.articles_in:,}",
        f"stories       {counters.stories:,}",
        f"variants      {counters.variants.total():,} ({kinds})",
        f"merges        {counters.merges:,} stories merged into an older one",
        f"dead letters  {counters.dead_letters.total():,} ({reasons})",
        f"throughput    {_format_throughput(throughput)}",
        f"sample        {stories}",
        f"              B-cubed precision {sample.precision:.3f}, recall {sample.recall:.3f}, F1 {sample.f1:.3f}",
    ]


def _format_throughput(throughput: float | None) -> str:
    if throughput is None:
        return "not measured, because the time limit was reached"
    return f"{throughput:,.0f} articles/s on the generated articles"
