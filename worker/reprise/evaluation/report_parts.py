"""Parts of the reports: articles and shares, as text and as JSON."""

from typing import Any, Final

from rich.text import Text

from reprise.evaluation.labels import LabelledArticle
from reprise.sanitize import one_line

#: Characters shown of a title and of an id.
MAX_TITLE: Final = 60
_MAX_ID: Final = 48


def describe(article: LabelledArticle) -> Text:
    """Return the id, title and source of an article in one line."""
    parts = [one_line(article.article_id, _MAX_ID)]
    if article.title:
        parts.append(f"“{one_line(article.title, MAX_TITLE)}”")
    if article.source:
        parts.append(f"({one_line(article.source, _MAX_ID)})")
    return Text(" ".join(parts))


def share(value: float) -> str:
    """Return a share in 0..1 with three digits."""
    return f"{value:.3f}"


def article_json(article: LabelledArticle) -> dict[str, Any]:
    """Return an article as JSON values, without its text."""
    return {
        "id": article.article_id,
        "line": article.line,
        "title": article.title,
        "source": article.source,
        "story": article.label,
    }
