"""The thresholds of the rule as the key of a namespace stores them, so that all its workers decide by the same ones.

They are one text: `name=value` for each threshold, separated by spaces. The parameters of the signature are not among
them, because they are part of the index's version.
"""

from dataclasses import fields, replace
from typing import Final

from reprise.dedup.rule import Rule
from reprise.errors import IndexMismatch

#: Fields of Rule that are part of the index's version; see `namespaces.parameters`.
_PARAMETERS: Final = frozenset({"permutations", "sketch_size"})


def format_rule(rule: Rule) -> str:
    """Return the thresholds as text."""
    return " ".join(f"{name}={getattr(rule, name)!r}" for name in _threshold_names())


def parse_thresholds(text: str) -> dict[str, int | float]:
    """Return the stored thresholds by name, also those that only another version knows.

    Raises IndexMismatch if the text was edited and cannot be read.
    """
    stored = dict(entry.partition("=")[::2] for entry in text.split())
    try:
        return {name: int(value) if value.isdigit() else float(value) for name, value in stored.items()}
    except ValueError as error:
        raise _unreadable(str(error)) from error


def apply_stored_rule(rule: Rule, text: str) -> Rule:
    """Return a rule with the stored thresholds; those that this version does not know are ignored.

    Raises IndexMismatch if the text was edited and cannot be read.
    """
    stored = parse_thresholds(text)
    values = {name: stored[name] for name in _threshold_names() if name in stored}
    for name, value in values.items():
        if isinstance(getattr(rule, name), int) and not isinstance(value, int):
            raise _unreadable(f"{name}={value} is no integer")
    return replace(rule, **values)  # type: ignore[arg-type] # the loop above checks the types


def changed_thresholds(own: Rule, stored: Rule) -> dict[str, tuple[int | float, int | float]]:
    """Return the thresholds that differ, by name: the own value and the stored one."""
    pairs = {name: (getattr(own, name), getattr(stored, name)) for name in _threshold_names()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _threshold_names() -> list[str]:
    return [field.name for field in fields(Rule) if field.name not in _PARAMETERS]


def _unreadable(problem: str) -> IndexMismatch:
    return IndexMismatch(
        f"the thresholds that are stored with the index cannot be read: {problem}; remove the field `rule` of the "
        "namespace's key with HDEL, then the next worker stores its own (docs: Concepts, Retention)"
    )
