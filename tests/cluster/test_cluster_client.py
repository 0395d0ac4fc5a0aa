"""What a worker asks of a cluster before it begins."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from reprise.errors import Fatal
from reprise.index.redis.client import check_eviction, check_rights, connect
from reprise.settings import load
from reprise.settings.groups import RedisSettings
from tests.cluster.deciding import T0, index_on
from tests.cluster.servers import RedisCluster
from tests.contract.test_redis_keys import stream
from tests.security.worker_start import redis_rights

#: What docs/operating/security.md asks for a cluster besides.
CLUSTER_RIGHTS = ("+cluster|slots", "+cluster|shards", "+command")


def settings(url: str, *, cluster: bool = True) -> RedisSettings:
    return load({"REPRISE_REDIS_URL": url, "REPRISE_REDIS_CLUSTER": str(cluster).lower()}).redis


@contextmanager
def user(cluster: RedisCluster, *rights: str) -> Iterator[str]:
    """Let somebody in at every node, and give the URL to come as that user."""
    for node in cluster.nodes:
        node.ask("ACL", "SETUSER", "worker", "on", ">secret", *rights)
    try:
        yield cluster.url.replace("://", "://worker:secret@", 1)
    finally:
        for node in cluster.nodes:
            node.ask("ACL", "DELUSER", "worker")


def test_a_cluster_is_entered_with_the_rights_that_are_documented(shared_cluster: RedisCluster, namespace: str) -> None:
    """A user who may do no more than docs/operating/security.md says starts and decides."""
    with user(shared_cluster, f"~{{{namespace}}}:*", *redis_rights(), *CLUSTER_RIGHTS) as url:
        client = connect(settings(url))
        check_eviction(client, settings(url))
        check_rights(client, settings(url), namespace)
        assert isinstance(client, redis.RedisCluster)
        assert len(index_on(client).decide(namespace, stream(6), T0)) == 6


def test_a_password_that_is_wrong_is_no_outage(shared_cluster: RedisCluster) -> None:
    """Waiting does not mend it: the start ends at once, and the secret is not told."""
    with user(shared_cluster, "~*", "+@all") as url, pytest.raises(Fatal, match="refuses this worker") as caught:
        connect(settings(url.replace("secret", "not-the-one")))
    assert "not-the-one" not in str(caught.value)


def test_a_user_who_may_not_see_the_cluster_is_told_so(shared_cluster: RedisCluster) -> None:
    """The right that lacks is named, where the client itself says that there is no cluster."""
    with (
        user(shared_cluster, "~*", "+ping", "+info") as url,
        pytest.raises(Fatal, match=r"refuses this worker: .*cluster"),
    ):
        connect(settings(url))


def test_the_setting_and_the_server_must_agree(shared_cluster: RedisCluster, redis_url: str) -> None:
    """A cluster that is taken for a server, and a server that is taken for a cluster, are mistakes, with their cure."""
    with pytest.raises(Fatal, match="belongs to a cluster: set REPRISE_REDIS_CLUSTER=true"):
        connect(settings(shared_cluster.url, cluster=False))
    with pytest.raises(Fatal, match="belongs to no cluster: set REPRISE_REDIS_CLUSTER=false"):
        connect(settings(redis_url))


def test_every_primary_must_keep_everything(shared_cluster: RedisCluster) -> None:
    """A namespace may be moved to any of them: one that evicts is refused, by its address."""
    client, other = connect(settings(shared_cluster.url)), shared_cluster.primaries()[1]
    check_eviction(client, settings(shared_cluster.url))
    other.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Fatal, match=f"127.0.0.1:{other.port} has maxmemory-policy allkeys-lru"):
            check_eviction(client, settings(shared_cluster.url))
    finally:
        other.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
