"""`--namespace`: which of the worker's namespaces a command looks into."""

from collections.abc import Sequence

import click

from reprise.errors import UsageError
from reprise.settings import Settings

option = click.option("--namespace", help="One of those that REPRISE_NAMESPACE_BY makes; REPRISE_NAMESPACE by default.")


def choose_namespace(settings: Settings, namespace: str | None) -> tuple[str, Sequence[str]]:
    """Give the namespace to look into, and the worker's others. Raises UsageError where it is none of them."""
    from reprise.bootstrap import namespace_rule  # noqa: PLC0415  # --help needs no client
    from reprise.messages.namespaces import list_namespaces  # noqa: PLC0415

    served = list_namespaces(namespace_rule(settings))
    here = namespace or settings.index.namespace
    if here not in served:
        raise UsageError(f"--namespace: {here!r} is none of this environment's: {', '.join(served)}")
    return here, [each for each in served if each != here]
