"""One worker whose articles have an index for each language, on one Redis."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.contract.streams import edited, text_of
from tests.e2e.support_e2e import Place, Raw, article, one_each, open_place, samples, wait_counted, wait_delivered
from tests.support import running_worker

BY_LANG: Final = {"NAMESPACE_BY": "lang", "NAMESPACE_VALUES": "en,fr,pt"}

#: What stands in the articles, and what stands behind the worker's namespace for it.
LANGUAGES: Final[Mapping[str, str]] = {"en": "-en", "fr-CA": "-fr", "pt_BR": "-pt", "de": ""}

TEXT: Final = text_of(1, 2, 3, 4)


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics()
        yield found


def pages(name: str, text: str) -> dict[str, Raw]:
    """The same page in every language: who reads only the text cannot tell them apart."""
    return {
        language: Raw(value=article(id=f"{name}-{language}", text=text, lang=language, source=f"{name}.example"))
        for language in LANGUAGES
    }


def stories_of(place: Place, sent: Sequence[Mapping[str, Raw]]) -> dict[str, list[str]]:
    """The story of each language's pages, in the order sent; every event must name its language's namespace."""
    messages = [message for each in sent for message in each.values()]
    namespaces = {
        message.trace: place.namespace + LANGUAGES[language] for each in sent for language, message in each.items()
    }
    found = {event.trace: event.body["story_id"] for event in one_each(messages, place.events(namespaces))}
    return {language: [found[each[language].trace] for each in sent] for language in LANGUAGES}


def test_stories_do_not_cross_languages(place: Place, tmp_path: Path) -> None:
    """The same text is a story of its own in each language, which a reprint joins, also after a restart."""
    first, reprint = pages("first", TEXT), pages("reprint", edited(TEXT, 5, 40))
    place.send([*first.values(), *reprint.values()])
    with running_worker(place.settings(**BY_LANG), tmp_path / "first.log") as worker:
        wait_delivered(place, worker)
        wait_counted(place, worker)
        sizes = samples(worker).values("reprise_index_articles", "index_namespace")
        assert worker.stop() == 0, worker.tail()
    assert sizes.keys() == {place.namespace + each for each in LANGUAGES.values()}

    late = pages("late", edited(TEXT, 9))
    place.send(late.values())
    with running_worker(place.settings(**BY_LANG), tmp_path / "second.log") as worker:
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    stories = stories_of(place, [first, reprint, late])
    assert all(len(set(found)) == 1 for found in stories.values())
    assert len({found[0] for found in stories.values()}) == len(LANGUAGES)


def test_a_worker_of_one_language_knows_the_same_stories(place: Place, tmp_path: Path) -> None:
    """The namespace of a language is the one that a worker has whose own namespace is called so."""
    first, second = pages("first", TEXT)["fr-CA"], pages("second", TEXT)["fr-CA"]
    french = f"{place.namespace}-fr"
    place.send([first])
    with running_worker(place.settings(**BY_LANG), tmp_path / "all.log") as worker:
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    place.send([second])
    with running_worker(place.settings(NAMESPACE=french), tmp_path / "french.log") as worker:
        wait_delivered(place, worker)
        assert worker.stop() == 0, worker.tail()
    events = one_each([first, second], place.events({first.trace: french, second.trace: french}))
    assert [event.body["type"] for event in events] == ["story.new", "story.variant"]
    assert len({event.body["story_id"] for event in events}) == 1
