"""The rights of docs/operating/security.md are enough for every script, and none of them is one too many."""

import re
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
from tests.security.support_security import redis_rights, run_until_exit
from tests.support import running_worker, unavailable, wait_until

NAMESPACE = "news"
KEYS = f"~{{{NAMESPACE}}}:*"


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
def test_the_rights_of_the_document_are_enough(sandbox: Sandbox, server: str, tmp_path: Path) -> None:
    """A crawl with stories, variants and revisions, and a sweep of what is too old: nothing is ever refused."""
    sandbox.produce(synthetic_messages(300))
    with redis.Redis.from_url(server) as client:
        client.acl_log_reset()
    with restricted(server, redis_rights(), f"~{{{sandbox.namespace}}}:*", PASSWORD) as url:
        more = sandbox.settings(WINDOW_SECONDS="1", REPLAY_SECONDS="1") | {"REPRISE_REDIS_URL": url}
        with running_worker(more, tmp_path / "log") as worker:
            wait_ready(worker)
            wait_counted(sandbox, worker)
            assert scrape(worker).total("reprise_variants_total") > 0
            scrape(worker).total("reprise_index_articles")
        assert "may not" not in worker.output()
    with redis.Redis.from_url(server) as client:
        refused = {entry["object"] for entry in client.acl_log()}
        assert refused <= {"client|setinfo", "client"}  # the client's greeting, which it does without


@pytest.mark.redis
def test_a_look_needs_no_other_right(server: str) -> None:
    """`reprise stats` and `reprise story` ask nothing that a worker may not, on an index as a worker leaves it."""
    with restricted(server, redis_rights(), KEYS, PASSWORD) as url:
        open_index(settings(url), connect(settings(url).redis)).close()
        with open_inspector(settings(url), settings(url).index.namespace) as look:
            assert look.server_info().policy == "noeviction"
            assert look.stats(0).representatives == 0
            assert look.find_decision("nobody", 0) is None
        with redis.Redis.from_url(server) as client:  # a representative that there might have been
            client.hset(look.key, "number", 1)
        with open_inspector(settings(url), settings(url).index.namespace) as look:
            assert list(look.find_story("0" * 32, 0)) == [(1, [])]
        with redis.Redis.from_url(server) as client:
            client.delete(look.key)


@pytest.mark.redis
@pytest.mark.parametrize("missing", redis_rights())
def test_none_of_them_can_be_left_out(server: str, missing: str) -> None:
    """Each right taken away alone is named before the first article, and waiting is not tried."""
    rights = [right for right in redis_rights() if right != missing]
    command = missing.removeprefix("+").replace("|", " ")
    with restricted(server, rights, KEYS, PASSWORD) as url, pytest.raises(Fatal) as caught:
        open_index(settings(url), connect(settings(url).redis))
    told = str(caught.value)
    assert re.search(rf"run (the ')?{re.escape(command)}\b", told, re.IGNORECASE), told
    assert PASSWORD not in told


@pytest.mark.stack
def test_a_right_that_is_taken_away_is_an_outage(sandbox: Sandbox, server: str, tmp_path: Path) -> None:
    """Rights are often wrong for a moment: the worker is not ready meanwhile, and loses nothing."""
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
def test_all_that_lacks_is_told_at_once(server: str) -> None:
    """Whoever mends the rights need not start the worker once for each of them; nothing is left behind."""
    rights = [right for right in redis_rights() if right not in {"+hset", "+evalsha", "+set"}]
    with restricted(server, rights, KEYS, PASSWORD) as url:
        client = connect(settings(url).redis)
        with pytest.raises(Fatal, match=r"may not run EVALSHA, SET, HSET "):
            check_rights(client, settings(url).redis, NAMESPACE)
        client.close()
    with redis.Redis.from_url(server) as client:
        assert not client.keys(f"{{{NAMESPACE}}}:*")


@pytest.mark.redis
def test_another_namespace_is_out_of_reach(server: str) -> None:
    """The rights of one namespace's keys open no other's."""
    with restricted(server, redis_rights(), "~{other}:*", PASSWORD) as url, pytest.raises(Fatal, match=r"\{news\}:\*"):
        open_index(settings(url), connect(settings(url).redis))


@pytest.mark.redis
def test_the_rights_of_each_namespace_are_asked_for(server: str) -> None:
    """A worker of several namespaces needs a pattern for each of them, and is told at the start which one lacks."""

    def start(*namespaces: str) -> None:
        patterns = [f"~{{{namespace}}}:*" for namespace in namespaces]
        with restricted(server, [*redis_rights(), *patterns], KEYS, PASSWORD) as url:
            several = {"REPRISE_NAMESPACE_BY": "lang", "REPRISE_NAMESPACE_VALUES": "en,fr"}
            found = load({"REPRISE_REDIS_URL": url, "REPRISE_NAMESPACE": NAMESPACE, **several})
            open_index(found, connect(found.redis)).close()

    start("news-en", "news-fr")
    with pytest.raises(Fatal, match=r"\{news-fr\}:\*"):
        start("news-en")


@pytest.mark.stack
def test_a_worker_without_a_right_ends(sandbox: Sandbox, server: str) -> None:
    """The whole worker says it in a line, with exit code 1."""
    rights = [right for right in redis_rights() if right != "+setrange"]
    with restricted(server, rights, f"~{{{sandbox.namespace}}}:*", PASSWORD) as url:
        found = run_until_exit(sandbox.settings() | {"REPRISE_REDIS_URL": url})
    assert (found.exit_code, len(found.error_lines)) == (1, 1)
    assert "may not run SETRANGE" in found.error_lines[0]
    assert PASSWORD not in found.output


def test_every_command_of_the_scripts_is_tried() -> None:
    """A script that begins to use another command must have it tried, and granted, too."""
    folder = files("reprise.index.redis") / "lua"
    scripts = [path for where in (folder, folder / "parts") for path in where.iterdir() if path.name.endswith(".lua")]
    used = {command for path in scripts for command in re.findall(r"redis\.call\('(\w+)'", path.read_text("utf-8"))}
    tried = set(re.findall(r"\{'([A-Z]+)'", (folder / "try_commands.lua").read_text("utf-8")))
    assert used == tried
    assert {f"+{command.lower()}" for command in used} < set(redis_rights())
