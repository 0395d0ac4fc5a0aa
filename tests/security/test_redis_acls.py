"""The Redis rights that docs/operating/security.md lists are sufficient, and each except +time is necessary."""

import re
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.types import StackKind, StackUnavailable
from reprise.bootstrap import open_index, open_inspector
from reprise.errors import Fatal
from reprise.index.redis.client import check_rights, connect
from reprise.settings import Settings, load
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import Sandbox
from tests.e2e.worker_state import READY_SECONDS, http_get, scrape, wait_counted, wait_ready
from tests.security.conftest import PASSWORD
from tests.security.secured_redis import restricted
from tests.security.worker_start import redis_rights, run_until_exit
from tests.support import running_worker, unavailable, wait_until

NAMESPACE = "news"
KEYS = f"~{{{NAMESPACE}}}:*"

#: The only right that a worker can replace: INFO returns the time of the server, too.
REPLACEABLE = "+time"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with local_redis(StackKind.JVM, tmp_path_factory.mktemp("redis")) as service:
            yield service.address
    except StackUnavailable as error:
        unavailable("stack", f"no Redis: {error}")


def settings(url: str) -> Settings:
    return load({"REPRISE_REDIS_URL": url, "REPRISE_NAMESPACE": NAMESPACE})


@pytest.mark.stack
def test_documented_rights_are_sufficient(sandbox: Sandbox, server: str, tmp_path: Path) -> None:
    """A worker publishes stories, variants and revisions and sweeps expired entries. Redis refuses no command."""
    sandbox.produce(synthetic_messages(300))
    with redis.Redis.from_url(server) as client:
        client.acl_log_reset()
    with restricted(server, redis_rights(), f"~{{{sandbox.namespace}}}:*", PASSWORD) as url:
        settings = sandbox.settings(WINDOW_SECONDS="1", REPLAY_SECONDS="1") | {"REPRISE_REDIS_URL": url}
        with running_worker(settings, tmp_path / "log") as worker:
            wait_ready(worker)
            wait_counted(sandbox, worker)
            assert scrape(worker).total("reprise_variants_total") > 0
            scrape(worker).total("reprise_index_articles")
        assert "may not" not in worker.output()
    with redis.Redis.from_url(server) as client:
        refused = {entry["object"] for entry in client.acl_log()}
        assert refused <= {"client|setinfo", "client"}  # optional commands of a new connection


@pytest.mark.redis
def test_inspection_needs_no_other_right(server: str) -> None:
    """`reprise stats` and `reprise story` need the rights of a worker only."""
    with restricted(server, redis_rights(), KEYS, PASSWORD) as url:
        open_index(settings(url), connect(settings(url).redis)).close()
        with open_inspector(settings(url), settings(url).index.namespace) as inspector:
            assert inspector.server_info().policy == "noeviction"
            assert inspector.stats(0).representatives == 0
            assert inspector.find_decision("unknown", 0) is None
            assert inspector.find_root("0" * 32) == "0" * 32
        with redis.Redis.from_url(server) as client:  # the number of a representative that does not exist
            client.hset(inspector.key, "number", 1)
        with open_inspector(settings(url), settings(url).index.namespace) as inspector:
            assert list(inspector.find_story("0" * 32, 0)) == [(1, [])]
        with redis.Redis.from_url(server) as client:
            client.delete(inspector.key)


@pytest.mark.redis
@pytest.mark.parametrize("missing", [right for right in redis_rights() if right != REPLACEABLE])
def test_every_missing_right_is_named(server: str, missing: str) -> None:
    """Without one of the rights a worker ends at its start, without a wait, with an error that names the right."""
    rights = [right for right in redis_rights() if right != missing]
    command = missing.removeprefix("+").replace("|", " ")
    with restricted(server, rights, KEYS, PASSWORD) as url, pytest.raises(Fatal) as caught:
        open_index(settings(url), connect(settings(url).redis))
    error = str(caught.value)
    assert re.search(rf"run (the ')?{re.escape(command)}\b", error, re.IGNORECASE), error
    assert PASSWORD not in error


@pytest.mark.redis
def test_the_right_to_read_the_time_may_be_missing(server: str) -> None:
    """An index opens without the right, and reads the time of the server with INFO if INFO has that field."""
    assert REPLACEABLE in redis_rights()
    rights = [right for right in redis_rights() if right != REPLACEABLE]
    with redis.Redis.from_url(server) as client:
        has_field = "server_time_usec" in client.info("server")
    with restricted(server, rights, "~{clocks}:*", PASSWORD) as url:
        clock_settings = load({"REPRISE_REDIS_URL": url, "REPRISE_NAMESPACE": "clocks"})
        index = open_index(clock_settings, connect(clock_settings.redis))
        server_time = index.server_time("clocks")
        index.close()
    assert (server_time is not None) == has_field
    assert server_time is None or abs(server_time - time.time()) < 5


@pytest.mark.stack
def test_a_revoked_right_is_an_outage(sandbox: Sandbox, server: str, tmp_path: Path) -> None:
    """The worker is not ready until the right is granted again, and loses nothing."""
    with (
        restricted(server, redis_rights(), f"~{{{sandbox.namespace}}}:*", PASSWORD) as url,
        running_worker(sandbox.settings() | {"REPRISE_REDIS_URL": url}, tmp_path / "log") as worker,
        redis.Redis.from_url(server) as client,
    ):
        wait_ready(worker)
        user = urlsplit(url).username
        client.execute_command("ACL", "SETUSER", user, "-hset")
        sandbox.produce(synthetic_messages(20))
        wait_until(lambda: http_get(worker, "/readyz").status == 503, READY_SECONDS, "an outage")
        client.execute_command("ACL", "SETUSER", user, "+hset")
        wait_counted(sandbox, worker)
        wait_ready(worker)


@pytest.mark.redis
def test_all_missing_rights_are_named_at_once(server: str) -> None:
    """One start names all missing rights, and writes no key."""
    rights = [right for right in redis_rights() if right not in {"+hset", "+evalsha", "+set"}]
    with restricted(server, rights, KEYS, PASSWORD) as url:
        client = connect(settings(url).redis)
        with pytest.raises(Fatal, match=r"may not run EVALSHA, SET, HSET "):
            check_rights(client, settings(url).redis, NAMESPACE)
        client.close()
    with redis.Redis.from_url(server) as client:
        assert not client.keys(f"{{{NAMESPACE}}}:*")


@pytest.mark.redis
def test_another_namespace_is_refused(server: str) -> None:
    """A user with the keys of one namespace cannot use another."""
    with restricted(server, redis_rights(), "~{other}:*", PASSWORD) as url, pytest.raises(Fatal, match=r"\{news\}:\*"):
        open_index(settings(url), connect(settings(url).redis))


@pytest.mark.redis
def test_each_namespace_needs_its_key_pattern(server: str) -> None:
    """A worker with several namespaces ends at its start if one has no key pattern, and names it."""

    def start(*namespaces: str) -> None:
        patterns = [f"~{{{namespace}}}:*" for namespace in namespaces]
        with restricted(server, [*redis_rights(), *patterns], KEYS, PASSWORD) as url:
            several = {"REPRISE_NAMESPACE_BY": "lang", "REPRISE_NAMESPACE_VALUES": "en,fr"}
            several_settings = load({"REPRISE_REDIS_URL": url, "REPRISE_NAMESPACE": NAMESPACE, **several})
            open_index(several_settings, connect(several_settings.redis)).close()

    start("news-en", "news-fr")
    with pytest.raises(Fatal, match=r"\{news-fr\}:\*"):
        start("news-en")


@pytest.mark.stack
def test_a_worker_without_a_right_ends(sandbox: Sandbox, server: str) -> None:
    """The worker prints one line and ends with exit code 1."""
    rights = [right for right in redis_rights() if right != "+setrange"]
    with restricted(server, rights, f"~{{{sandbox.namespace}}}:*", PASSWORD) as url:
        worker = run_until_exit(sandbox.settings() | {"REPRISE_REDIS_URL": url})
    assert (worker.exit_code, len(worker.error_lines)) == (1, 1)
    assert "may not run SETRANGE" in worker.error_lines[0]
    assert PASSWORD not in worker.output


def test_every_command_of_the_scripts_is_checked() -> None:
    """The check at the start and the documented rights have every command that the scripts use."""
    folder = files("reprise.index.redis") / "lua"
    scripts = [path for where in (folder, folder / "parts") for path in where.iterdir() if path.name.endswith(".lua")]
    used = {command for path in scripts for command in re.findall(r"redis\.call\('(\w+)'", path.read_text("utf-8"))}
    tried = set(re.findall(r"\{'([A-Z]+)'", (folder / "try_commands.lua").read_text("utf-8")))
    assert used == tried
    assert {f"+{command.lower()}" for command in used} < set(redis_rights())
