"""The option `--namespace` of a command, if a worker serves several namespaces."""

import pytest

from reprise.commands.support.namespace_option import choose_namespace
from reprise.errors import UsageError
from reprise.settings import load

DIVIDED = {
    "REPRISE_NAMESPACE": "news",
    "REPRISE_NAMESPACE_BY": "lang",
    "REPRISE_NAMESPACE_VALUES": "en,de",
}


def test_the_default_is_the_base_namespace() -> None:
    """The other namespaces are returned too, so that a command can list them."""
    settings = load(DIVIDED)
    assert choose_namespace(settings, None) == ("news", ["news-en", "news-de"])
    assert choose_namespace(settings, "news-de") == ("news-de", ["news", "news-en"])
    assert choose_namespace(load({"REPRISE_NAMESPACE": "news"}), None) == ("news", [])


def test_an_unknown_namespace_is_an_error() -> None:
    """A misspelt namespace must not look like an empty index."""
    with pytest.raises(UsageError, match="news, news-en, news-de"):
        choose_namespace(load(DIVIDED), "news-fr")
