"""`reprise stats`: show the content of an index, and the memory usage of its server."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import click
import orjson

from reprise.bootstrap import dedup_rule, open_inspector, retention
from reprise.commands.support.namespace_option import choose_namespace, namespace_option
from reprise.commands.support.settings_help import REDIS_INDEX, ConfiguredCommand
from reprise.dedup.rule import Rule
from reprise.index.redis.inspect_types import IndexInfo, IndexStats, ServerInfo
from reprise.index.redis.stored_rule import apply_stored_rule, changed_thresholds, parse_thresholds
from reprise.messages.timestamps import format_rfc3339
from reprise.settings import Settings, load

#: Characters of the first column.
_NAME_WIDTH: Final = 17


@click.command(cls=ConfiguredCommand, uses=REDIS_INDEX)
@namespace_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(namespace: str | None, as_json: bool) -> None:
    """Show the content of a namespace's index, and the memory usage of its server.

    The counts of a large index are estimates: of representatives from a sample of their numbers, of the others from
    about 20,000 entries. Expired entries count until the sweep removes them, after at most an eighth of the window;
    expired representatives do not count.

    The retention is that of the index, the longest of its workers, and the thresholds are those that the index
    stores. The command is read-only and needs no permission that a worker lacks.
    """
    settings = load()
    namespace, others = choose_namespace(settings, namespace)
    with open_inspector(settings, namespace) as inspector:
        info, stats, server = inspector.info, inspector.stats(round(time.time() * 1000)), inspector.server_info()
    if as_json:
        click.echo(orjson.dumps(to_json(settings, namespace, info, stats, server), option=orjson.OPT_INDENT_2))
        return
    for name, value in to_rows(settings, namespace, info, stats, server):
        click.echo(f"{name:<{_NAME_WIDTH}}{value}")
    if others:
        click.echo(f"{'not included':<{_NAME_WIDTH}}{', '.join(others)} (see --namespace)")


def to_json(
    settings: Settings, namespace: str, info: IndexInfo, stats: IndexStats, server: ServerInfo
) -> dict[str, Any]:
    """Return the output of --json. Times are RFC 3339, or null if there is none."""
    stats_fields = asdict(stats)
    kept = info.retention or retention(settings)
    oldest_ms, newest_ms = stats_fields.pop("oldest_ms"), stats_fields.pop("newest_ms")
    return {
        "namespace": namespace,
        "generation": settings.index.index_generation,
        "version": info.version,
        "parameters": info.parameters,
        "shards": info.shards,
        "last_number": info.last_number,
        "added": info.added,
        "swept_at": _format_time(info.swept_ms),
        **stats_fields,
        "oldest_at": _format_time(oldest_ms),
        "newest_at": _format_time(newest_ms),
        "window_seconds": kept.window_seconds,
        "replay_seconds": kept.replay_seconds,
        "thresholds": parse_thresholds(info.rule),
        "server": server.name,
        "used_memory_bytes": server.used_bytes,
        "maxmemory_bytes": server.max_bytes,
        "maxmemory_policy": server.policy,
    }


def to_rows(
    settings: Settings, namespace: str, info: IndexInfo, stats: IndexStats, server: ServerInfo
) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the table."""
    kept = info.retention or retention(settings)
    about = "" if stats.shards_read == info.shards else "about "
    limit = "no limit" if server.max_bytes is None else f"limit {_format_megabytes(server.max_bytes)}"
    yield "namespace", namespace
    yield "generation", settings.index.index_generation or "none"
    yield "parameters", info.parameters
    yield "shards", f"{info.shards:,} of each kind, {stats.shards_read:,} read"
    yield (
        "representatives",
        f"{about}{stats.representatives:,}, {stats.founders:,} of them founders of their story; "
        f"{info.added:,} added in total",
    )
    yield (
        "last seen",
        f"from {_format_time(stats.oldest_ms)} to {_format_time(stats.newest_ms)}" if stats.oldest_ms else "never",
    )
    yield "articles", f"{about}{stats.articles:,} with their latest decision"
    yield "revisions", f"{about}{stats.revisions:,}; {stats.superseded:,} superseded decisions kept for replays"
    yield "texts", f"{about}{stats.texts:,} to detect exact copies"
    yield "last sweep", _format_time(info.swept_ms) or "never"
    yield (
        "retention",
        f"stories {kept.window_seconds:,.0f} s, superseded decisions {kept.replay_seconds:,.0f} s",
    )
    yield "thresholds", _format_thresholds(info.rule, dedup_rule(settings))
    yield "server", f"{server.name}, maxmemory-policy {server.policy or 'unknown'}"
    yield "memory", f"{_format_megabytes(server.used_bytes)}, {limit}"


def _format_thresholds(stored: str, own: Rule) -> str:
    """Return the stored thresholds that differ from the settings."""
    changed = changed_thresholds(own, apply_stored_rule(own, stored))
    if not changed:
        return "those of the settings"
    differences = (f"{name}={value} (settings: {own_value})" for name, (own_value, value) in changed.items())
    return f"those of the settings, but {', '.join(differences)}"


def _format_time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else format_rfc3339(milliseconds)


def _format_megabytes(number: int) -> str:
    return f"{number / 1_000_000:,.1f} MB"
