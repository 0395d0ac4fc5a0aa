"""`reprise stats`: what the index of a namespace holds."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from reprise.commands.support import namespace_option
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.messages.timestamps import format_rfc3339
from reprise.settings import Settings, load

if TYPE_CHECKING:
    from reprise.index.redis.inspect_types import IndexInfo, IndexStats, ServerInfo

#: Characters of the column of names.
_NAME: Final = 17


@click.command(cls=ConfiguredCommand)
@namespace_option.option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(namespace: str | None, as_json: bool) -> None:
    """Print what the index of a namespace holds, and how much of the memory is used.

    The counts of a large index are estimates, from some 20,000 entries. Representatives are counted in the buckets of
    one band; those that are in none, because it was full or a stock phrase, are missed. What is too old counts until it
    is swept, for an eighth of the window at most, but a representative does not. No index keeps the window: it is this
    environment's, which should be the workers'. Needs no right that a worker lacks, and changes nothing.
    """
    from reprise.bootstrap import open_inspector  # noqa: PLC0415  # --help needs no client

    settings = load()
    here, others = namespace_option.choose_namespace(settings, namespace)
    with open_inspector(settings, here) as look:
        held, survey, server = look.held, look.survey(round(time.time() * 1000)), look.server()
    if as_json:
        click.echo(orjson.dumps(to_json(settings, here, held, survey, server), option=orjson.OPT_INDENT_2))
        return
    for name, value in rows(settings, here, held, survey, server):
        click.echo(f"{name:<{_NAME}}{value}")
    if others:
        click.echo(f"{'not counted':<{_NAME}}{', '.join(others)}: --namespace chooses one")


def to_json(
    settings: Settings, namespace: str, held: "IndexInfo", survey: "IndexStats", server: "ServerInfo"
) -> dict[str, Any]:
    """Everything as one object; times are RFC 3339, and null where there is none."""
    survey_fields = asdict(survey)
    oldest_ms, newest_ms = survey_fields.pop("oldest_ms"), survey_fields.pop("newest_ms")
    return {
        "namespace": namespace,
        "generation": settings.index.index_generation,
        "version": held.version,
        "parameters": held.parameters,
        "shards": held.shards,
        "last_number": held.last_number,
        "swept_at": _moment(held.swept_ms),
        **survey_fields,
        "oldest_at": _moment(oldest_ms),
        "newest_at": _moment(newest_ms),
        "window_seconds": settings.index.window_seconds,
        "replay_seconds": settings.index.replay_seconds,
        "server": server.name,
        "used_memory_bytes": server.used_bytes,
        "maxmemory_bytes": server.max_bytes,
        "maxmemory_policy": server.policy,
    }


def rows(
    settings: Settings, namespace: str, held: "IndexInfo", survey: "IndexStats", server: "ServerInfo"
) -> Iterator[tuple[str, str]]:
    """Rows of (what, how much)."""
    about = "" if survey.shards_read == held.shards else "about "
    limit = "no limit" if server.max_bytes is None else f"of {_megabytes(server.max_bytes)}"
    yield "namespace", namespace
    yield "generation", settings.index.index_generation or "none"
    yield "written with", held.parameters
    yield "shards", f"{held.shards:,} of each kind, {survey.shards_read:,} looked at"
    yield (
        "representatives",
        f"{about}{survey.representatives:,}, {survey.founders:,} of them founders of their story; "
        f"{held.last_number:,} were ever added",
    )
    yield (
        "last seen",
        f"between {_moment(survey.oldest_ms)} and {_moment(survey.newest_ms)}" if survey.oldest_ms else "never",
    )
    yield "articles", f"{about}{survey.articles:,} with their latest decision"
    yield "revisions", f"{about}{survey.revisions:,}, and {survey.superseded:,} superseded decisions kept for a replay"
    yield "texts", f"{about}{survey.texts:,} whose exact copies are known"
    yield "swept", _moment(held.swept_ms) or "never"
    yield (
        "remembered",
        f"{settings.index.window_seconds:,.0f} s, superseded decisions {settings.index.replay_seconds:,.0f} s",
    )
    yield "server", f"{server.name}, maxmemory-policy {server.policy or 'unknown'}"
    yield "memory", f"{_megabytes(server.used_bytes)}, {limit}"


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else format_rfc3339(milliseconds)


def _megabytes(number: int) -> str:
    return f"{number / 1_000_000:,.1f} MB"
