"""The option `--namespace`, for commands that inspect one index."""

from collections.abc import Sequence

import click

from reprise.bootstrap import namespace_rule
from reprise.errors import UsageError
from reprise.messages.namespaces import list_namespaces
from reprise.settings import Settings

namespace_option = click.option(
    "--namespace",
    metavar="NAME",
    help="Namespace to inspect: REPRISE_NAMESPACE by default, or one made by REPRISE_NAMESPACE_BY.",
)


def choose_namespace(settings: Settings, namespace: str | None) -> tuple[str, Sequence[str]]:
    """Return the namespace to inspect, and the worker's other namespaces.

    Raises UsageError if the worker does not serve `namespace`.
    """
    served = list_namespaces(namespace_rule(settings))
    chosen = namespace or settings.index.namespace
    if chosen not in served:
        raise UsageError(f"--namespace: unknown namespace {chosen!r}; the settings define {', '.join(served)}")
    return chosen, [name for name in served if name != chosen]
