"""Change thresholds for a measurement: fields of Rule, and constants of the modules in reprise.dedup."""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from typing import Any, Final
from unittest import mock

from reprise.dedup import comparison, decision, shared_passages
from reprise.dedup.rule import Rule

#: Fields of Rule that bound memory and time, at the cost of recall. They are no thresholds of a match.
_BOUNDS: Final = frozenset({"permutations", "sketch_size", "bucket_entries", "candidates", "index_below_similarity"})

#: Modules whose fractional constants are thresholds.
_MODULES: Final = (comparison, decision, shared_passages)

#: Factors by which each threshold is moved.
_FACTORS: Final = (0.75, 4 / 3)


@contextmanager
def apply_changes(assignments: Iterable[str]) -> Iterator[Rule]:
    """Yield the rule with changed fields, and change constants while the context lasts.

    Each assignment is FIELD=VALUE or MODULE.CONSTANT=VALUE. Raises ValueError if there is no such field or constant. A
    constant that another module imports by its name keeps its value there.
    """
    changed: dict[str, Any] = {}
    known = {field.name: getattr(Rule(), field.name) for field in fields(Rule)}
    with ExitStack() as patches:
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            module_name, _, constant = name.rpartition(".")
            if module_name:
                try:
                    module = importlib.import_module(f"reprise.dedup.{module_name}")
                    present = getattr(module, constant)
                except (ImportError, AttributeError) as error:
                    raise ValueError(f"{assignment}: {error}") from None
                patches.enter_context(mock.patch.object(module, constant, type(present)(float(value))))
            elif name in known:
                changed[name] = type(known[name])(float(value))
            else:
                raise ValueError(f"Rule has no field {name!r}; it has {', '.join(known)}")
        yield replace(Rule(), **changed)


def thresholds() -> Mapping[str, float]:
    """Return the thresholds of a match by name: numbers of Rule, and fractional constants of the modules."""
    found: dict[str, float] = {
        field.name: getattr(Rule(), field.name) for field in fields(Rule) if field.name not in _BOUNDS
    }
    for module in _MODULES:
        for name, value in vars(module).items():
            if isinstance(value, float) and name.startswith("_") and name.isupper():
                found[f"{module.__name__.rpartition('.')[2]}.{name}"] = value
    return found


def neighbours(name: str, value: float) -> Iterator[str]:
    """Yield an assignment for each value next to a threshold's: a quarter less and a third more, whole where it is."""
    for factor in _FACTORS:
        moved = value * factor
        if isinstance(value, int):
            moved = min(round(moved), value - 1) if factor < 1 else max(round(moved), value + 1)
        elif value <= 1:
            moved = min(moved, 1.0)
        if moved != value and moved > 0:
            yield f"{name}={moved:.3g}"
