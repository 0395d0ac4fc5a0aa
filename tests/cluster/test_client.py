"""The checks of a cluster at the start of a worker."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from reprise.errors import Fatal
from reprise.index.redis.client import check_eviction, check_rights, connect
from reprise.settings import load
from reprise.settings.groups import RedisSettings
from tests.cluster.index_helpers import T0, make_index
from tests.cluster.servers import RedisCluster
from tests.contract.test_redis_keys import article_stream
from tests.security.worker_start import redis_rights

#: The additional rights for a cluster in docs/operating/security.md.
CLUSTER_RIGHTS = ("+cluster|slots", "+cluster|shards", "+command")


def settings(url: str, *, cluster: bool = True) -> RedisSettings:
    return load({"REPRISE_REDIS_URL": url, "REPRISE_REDIS_CLUSTER": str(cluster).lower()}).redis


@contextmanager
def user(cluster: RedisCluster, *rights: str) -> Iterator[str]:
    """Add a user with these rights to every node, and yield the URL with the user and the password."""
    for node in cluster.nodes:
        node.execute("ACL", "SETUSER", "worker", "on", ">secret", *rights)
    try:
        yield cluster.url.replace("://", "://worker:secret@", 1)
    finally:
        for node in cluster.nodes:
            node.execute("ACL", "DELUSER", "worker")


def test_documented_rights_are_sufficient(shared_cluster: RedisCluster, namespace: str) -> None:
    """A user with the rights of docs/operating/security.md passes all checks and decides."""
    with user(shared_cluster, f"~{{{namespace}}}:*", *redis_rights(), *CLUSTER_RIGHTS) as url:
        client = connect(settings(url))
        check_eviction(client, settings(url))
        check_rights(client, settings(url), namespace)
        assert isinstance(client, redis.RedisCluster)
        assert len(make_index(client).decide(namespace, article_stream(6), T0)) == 6


def test_a_wrong_password_is_fatal(shared_cluster: RedisCluster) -> None:
    """The start ends at once, and the error does not contain the password."""
    with user(shared_cluster, "~*", "+@all") as url, pytest.raises(Fatal, match="refuses this worker") as caught:
        connect(settings(url.replace("secret", "not-the-one")))
    assert "not-the-one" not in str(caught.value)


def test_a_missing_right_to_the_cluster_commands_is_named(shared_cluster: RedisCluster) -> None:
    """The error names the missing right, although the client reports that there is no cluster."""
    with (
        user(shared_cluster, "~*", "+ping", "+info") as url,
        pytest.raises(Fatal, match=r"refuses this worker: .*cluster"),
    ):
        connect(settings(url))


def test_the_setting_must_match_the_server(shared_cluster: RedisCluster, redis_url: str) -> None:
    """A cluster without the setting, and the setting without a cluster, are errors with the correct value."""
    with pytest.raises(Fatal, match="belongs to a cluster: set REPRISE_REDIS_CLUSTER=true"):
        connect(settings(shared_cluster.url, cluster=False))
    with pytest.raises(Fatal, match="belongs to no cluster: set REPRISE_REDIS_CLUSTER=false"):
        connect(settings(redis_url))


def test_no_primary_may_evict_keys(shared_cluster: RedisCluster) -> None:
    """A namespace can be moved to any primary. The error has the address of the one that evicts keys."""
    client, other = connect(settings(shared_cluster.url)), shared_cluster.primaries()[1]
    check_eviction(client, settings(shared_cluster.url))
    other.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Fatal, match=f"127.0.0.1:{other.port} has maxmemory-policy allkeys-lru"):
            check_eviction(client, settings(shared_cluster.url))
    finally:
        other.execute("CONFIG", "SET", "maxmemory-policy", "noeviction")
