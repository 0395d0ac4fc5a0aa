"""Which namespace a command looks into, where a worker serves several."""

import pytest

from reprise.commands.support.namespace_option import choose_namespace
from reprise.errors import UsageError
from reprise.settings import load

DIVIDED = {
    "REPRISE_NAMESPACE": "news",
    "REPRISE_NAMESPACE_BY": "lang",
    "REPRISE_NAMESPACE_VALUES": "en,de",
}


def test_the_base_unless_another_is_named() -> None:
    """The others are told, so that nobody takes one for all."""
    settings = load(DIVIDED)
    assert choose_namespace(settings, None) == ("news", ["news-en", "news-de"])
    assert choose_namespace(settings, "news-de") == ("news-de", ["news", "news-en"])
    assert choose_namespace(load({"REPRISE_NAMESPACE": "news"}), None) == ("news", [])


def test_one_that_the_worker_does_not_serve_is_refused() -> None:
    """A slip of the pen is not an empty index."""
    with pytest.raises(UsageError, match="news, news-en, news-de"):
        choose_namespace(load(DIVIDED), "news-fr")
