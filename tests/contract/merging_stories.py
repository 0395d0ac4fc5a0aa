"""Two stories of one event whose texts share little, and an article that shows that they are one."""

from hypothesis import strategies as st

from reprise.dedup.rule import Rule
from reprise.model import Fingerprint
from tests.contract.texts import edit_words, make_fingerprint, make_text

#: The sources of each story. A merge needs all four.
SOURCES = ("a", "b", "c", "d")

#: A paragraph of 28 words that all stories have: too short for a match, and enough for a merge.
COMMON = 900


def story(
    first: int, *, name: str, sources: tuple[str, ...] = SOURCES, common: tuple[int, ...] = (COMMON,)
) -> list[Fingerprint]:
    """Return articles of one story: they share the paragraphs first .. first + 4, and each has one of its own.

    common  paragraphs that the articles of other stories have, too; a bridge does not have them
    """
    return [
        make_fingerprint(
            f"{name}-{source}",
            make_text(*range(first, first + 5), first + 10 + number, *common),
            source=f"{source}.example",
        )
        for number, source in enumerate(sources)
    ]


def bridge(*firsts: int, name: str = "bridge") -> Fingerprint:
    """Return an article with three paragraphs of each of some stories, and one that depends on its name."""
    text = "\n".join(make_text(*range(first, first + 3)) for first in firsts)
    own = make_text(1_000 + int.from_bytes(name.encode(), "big") % 100_000)
    return make_fingerprint(name, f"{text}\n{own}", source="bridge.example")


def copy_of(first: int, *, name: str) -> Fingerprint:
    """Return an article that shares the last paragraphs of a story and none with a bridge."""
    return make_fingerprint(name, make_text(first + 3, first + 4, first + 10, COMMON), source="copy.example")


#: Two sources are enough, and their texts need nothing in common, so that short streams have merges.
MERGE_RULE = Rule(
    permutations=16, sketch_size=48, merge_sources=2, merge_containment=0.0, candidates=8, bucket_entries=6
)
merge_texts = st.one_of(
    st.tuples(st.sampled_from([10, 20, 30]), st.integers(40, 49)).map(
        lambda pair: make_text(*range(pair[0], pair[0] + 4), pair[1])
    ),
    st.lists(st.sampled_from([10, 20, 30]), min_size=2, max_size=3, unique=True).map(
        lambda firsts: make_text(*(number for first in firsts for number in range(first, first + 3)))
    ),
    # covered by an article of the story, so that only its story can be in conflict with a merge
    st.sampled_from([10, 20, 30]).map(lambda first: edit_words(make_text(*range(first, first + 4), 50), 3)),
    # shares no bucket with a bridge
    st.sampled_from([10, 20, 30]).map(lambda first: make_text(first + 3, first + 60, first + 61)),
)
#: Articles of three stories, and bridges between them.
merge_articles = st.builds(
    make_fingerprint,
    st.integers(0, 20).map(str),
    merge_texts,
    source=st.sampled_from([None, "a", "b", "c", "d"]),
    crawled_at_ms=st.sampled_from([None, 1_000, 2_000]),
    rule=st.just(MERGE_RULE),
)
