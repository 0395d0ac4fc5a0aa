"""compose.yaml, read: its servers are the local stack's, and what it mounts and refers to is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.local.stack.compose import COMPOSE_FILE, load_service_definition
from deploy.local.stack.kafka_jvm import BROKER_SETTINGS
from deploy.local.stack.redis_local import SERVER_OPTIONS

_DEPLOY = COMPOSE_FILE.parents[1]


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    return services


def _mounts(service: str) -> Iterator[tuple[Path, str]]:
    for mount in _services()[service]["volumes"]:
        source, target, mode = mount.split(":")
        assert mode == "ro"
        yield (COMPOSE_FILE.parent / source).resolve(), target


def test_a_broker_in_a_container_is_set_as_one_on_a_jvm() -> None:
    """Every setting of the throw-away broker holds in compose as well, so that a test means the same on both."""
    told = load_service_definition("kafka").environment
    expected = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in BROKER_SETTINGS.items()}
    assert expected.items() <= told.items()


def test_a_redis_in_a_container_is_set_as_a_local_one() -> None:
    """It keeps nothing on disk and refuses rather than evicts."""
    assert tuple(load_service_definition("redis").command[-len(SERVER_OPTIONS) :]) == SERVER_OPTIONS


def test_a_variable_that_is_given_replaces_its_default() -> None:
    """The port by which the machine's clients are sent to the broker is the one that was chosen for it."""
    chosen = load_service_definition("kafka", KAFKA_PORT="40001").environment["KAFKA_ADVERTISED_LISTENERS"]
    usual = load_service_definition("kafka").environment["KAFKA_ADVERTISED_LISTENERS"]
    assert (chosen.split(",")[0], usual.split(",")[0]) == ("HOST://127.0.0.1:40001", "HOST://127.0.0.1:9092")


def test_prometheus_gets_the_chart_s_rules() -> None:
    """What it is told to read is mounted where it looks, and the rules are the chart's own file."""
    mounts = {target: source for source, target in _mounts("prometheus")}
    told = yaml.safe_load(mounts["/etc/prometheus/prometheus.yml"].read_text())
    assert told["rule_files"] == ["rules.yaml"]
    assert mounts["/etc/prometheus/rules.yaml"] == _DEPLOY / "helm" / "reprise" / "files" / "rules.yaml"
    assert told["scrape_configs"][0]["dns_sd_configs"][0]["names"] == ["reprise"]
    assert "reprise" in _services()


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """Its data source is the Prometheus beside it, its folder holds the chart's dashboard, which is also its home."""
    mounts = {target: source for source, target in _mounts("grafana")}
    provisioning = mounts["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["isDefault"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "reprise.yaml").read_text())["providers"]
    home = _services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounts[home] == _DEPLOY / "helm" / "reprise" / "files" / "dashboard.json"
    assert Path(home).parent == Path(provider["options"]["path"])


def test_the_worker_s_containers_may_do_nothing_but_their_work() -> None:
    """Each container of the image has a root file system that it cannot write, no capability and no way to get one."""
    ours = [service for service in _services().values() if "build" in service]
    assert len(ours) == 3
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges"]
