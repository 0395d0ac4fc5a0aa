"""A worker with one index namespace for each language, in one Redis."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.contract.texts import edit_words, make_text
from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, Sandbox, single_events
from tests.e2e.worker_state import scrape, wait_counted, wait_delivered
from tests.support import running_worker

BY_LANG: Final = {"NAMESPACE_BY": "lang", "NAMESPACE_VALUES": "en,fr,pt"}

#: Language of an article -> suffix of its namespace.
LANGUAGES: Final[Mapping[str, str]] = {"en": "-en", "fr-CA": "-fr", "pt_BR": "-pt", "de": ""}

TEXT: Final = make_text(1, 2, 3, 4)


def same_text(name: str, text: str) -> dict[str, InputMessage]:
    """Return articles with the same text, one for each language."""
    return {
        language: InputMessage(
            value=article_json(id=f"{name}-{language}", text=text, lang=language, source=f"{name}.example")
        )
        for language in LANGUAGES
    }


def stories_by_language(sandbox: Sandbox, sent: Sequence[Mapping[str, InputMessage]]) -> dict[str, list[str]]:
    """Return the stories of each language's articles in their order, after a check of the namespaces of the events."""
    messages = [message for articles in sent for message in articles.values()]
    namespaces = {
        message.trace: sandbox.namespace + LANGUAGES[language]
        for articles in sent
        for language, message in articles.items()
    }
    story_ids = {event.trace: event.body["story_id"] for event in single_events(messages, sandbox.events(namespaces))}
    return {language: [story_ids[articles[language].trace] for articles in sent] for language in LANGUAGES}


def test_stories_do_not_cross_languages(sandbox: Sandbox, tmp_path: Path) -> None:
    """The same text is another story in each language. Reprints join their language's story, also after a restart."""
    first, reprint = same_text("first", TEXT), same_text("reprint", edit_words(TEXT, 5, 40))
    sandbox.produce([*first.values(), *reprint.values()])
    with running_worker(sandbox.settings(**BY_LANG), tmp_path / "first.log") as worker:
        wait_delivered(sandbox, worker)
        wait_counted(sandbox, worker)
        sizes = scrape(worker).values("reprise_index_articles", "index_namespace")
        assert worker.stop() == 0, worker.tail()
    assert sizes.keys() == {sandbox.namespace + suffix for suffix in LANGUAGES.values()}

    late = same_text("late", edit_words(TEXT, 9))
    sandbox.produce(late.values())
    with running_worker(sandbox.settings(**BY_LANG), tmp_path / "second.log") as worker:
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    stories = stories_by_language(sandbox, [first, reprint, late])
    assert all(len(set(ids)) == 1 for ids in stories.values())
    assert len({ids[0] for ids in stories.values()}) == len(LANGUAGES)


def test_a_worker_with_one_namespace_shares_the_stories(sandbox: Sandbox, tmp_path: Path) -> None:
    """A worker whose namespace is that of a language has the stories of this language."""
    first, second = same_text("first", TEXT)["fr-CA"], same_text("second", TEXT)["fr-CA"]
    french = f"{sandbox.namespace}-fr"
    sandbox.produce([first])
    with running_worker(sandbox.settings(**BY_LANG), tmp_path / "all.log") as worker:
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    sandbox.produce([second])
    with running_worker(sandbox.settings(NAMESPACE=french), tmp_path / "french.log") as worker:
        wait_delivered(sandbox, worker)
        assert worker.stop() == 0, worker.tail()
    events = single_events([first, second], sandbox.events({first.trace: french, second.trace: french}))
    assert [event.body["type"] for event in events] == ["story.new", "story.variant"]
    assert len({event.body["story_id"] for event in events}) == 1
