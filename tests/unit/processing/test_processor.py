"""The pure steps of the pipeline: fingerprints with the seed of each namespace."""

from reprise.bootstrap import article_processor
from reprise.model import Article
from reprise.settings import load

TEXT = (
    "The ferry to the northern islands left the harbour an hour late on Monday because a crane had blocked the quay "
    "since the early morning, the harbour office said."
)


def test_each_namespace_has_signatures_of_its_own_seed() -> None:
    """A batch of several namespaces keeps its order, and equals the fingerprints made one by one."""
    seeds = {"a": 5, "b": 6}
    processor = article_processor(load({}), seed_of=seeds.__getitem__)
    articles = [Article(article_id=str(at), text=f"{TEXT} {at}", namespace="ab"[at % 2]) for at in range(5)]
    made = processor.fingerprint_batch(articles)
    assert [fingerprint.article_id for fingerprint in made] == ["0", "1", "2", "3", "4"]
    assert [fingerprint.seed for fingerprint in made] == [5, 6, 5, 6, 5]
    assert made == [processor.fingerprint(article) for article in articles]


def test_a_fingerprint_is_made_anew_only_with_another_seed() -> None:
    """The seed of a namespace changes if its index was lost and another worker created it again."""
    seeds: dict[str, int] = {"default": 5}
    processor = article_processor(load({}), seed_of=seeds.__getitem__)
    article = Article(article_id="a", text=TEXT)
    made = processor.fingerprint(article)
    assert processor.with_current_seed(article, made) is made
    seeds["default"] = 6
    again = processor.with_current_seed(article, made)
    assert (again.seed, again.content_hash) == (6, made.content_hash)
