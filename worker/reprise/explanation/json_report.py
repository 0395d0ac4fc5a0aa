"""The explanation as a JSON object, for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reprise.dedup.comparison import Comparison
from reprise.explanation.analysis import Explanation
from reprise.explanation.dissection import DissectedArticle
from reprise.explanation.verdict import PairVerdict


def to_json(explanation: Explanation) -> Mapping[str, Any]:
    """Return the object. `verdict` is the decision on B after A, `reverse` that on A after B."""
    return {
        "a": _article(explanation.a),
        "b": _article(explanation.b),
        "verdict": _verdict(explanation.verdict),
        "reverse": _verdict(explanation.reverse),
        "passages": [
            {
                "number": passage.number,
                "a": explanation.a.text[slice(*passage.a)],
                "b": explanation.b.text[slice(*passage.b)],
            }
            for passage in explanation.passages
        ],
    }


def _article(dissected: DissectedArticle) -> Mapping[str, Any]:
    return {
        "article_id": dissected.article.article_id,
        "source": dissected.article.source,
        "segments": [
            {
                "text": dissected.text[segment.start : segment.end],
                "kept": segment.kept,
                "status": segment.status.value,
                "words": segment.word_count,
            }
            for segment in dissected.segments
        ],
    }


def _verdict(verdict: PairVerdict) -> Mapping[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "summary": verdict.summary,
        "same_source": verdict.same_source,
        "shared_bands": verdict.shared_bands,
        "estimate": _comparison(verdict.estimate),
        "exact": _comparison(verdict.exact),
        "criteria": [asdict(criterion) for criterion in verdict.criteria],
    }


def _comparison(comparison: Comparison | None) -> Mapping[str, Any] | None:
    return None if comparison is None else asdict(comparison)
