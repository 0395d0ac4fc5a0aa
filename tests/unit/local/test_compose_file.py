"""Test compose.yaml: its servers have the settings of the local stack, and its mounts and references exist."""

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


def test_a_broker_in_a_container_has_the_settings_of_the_jvm_broker() -> None:
    """compose.yaml repeats every setting of the JVM broker, so that tests have the same meaning on both."""
    environment = load_service_definition("kafka").environment
    expected = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in BROKER_SETTINGS.items()}
    assert expected.items() <= environment.items()


def test_a_redis_in_a_container_has_the_options_of_the_local_one() -> None:
    """It has no persistence and no eviction."""
    assert tuple(load_service_definition("redis").command[-len(SERVER_OPTIONS) :]) == SERVER_OPTIONS


def test_a_variable_replaces_its_default() -> None:
    """The broker advertises the port in KAFKA_PORT to clients on this machine, by default 9092."""
    custom = load_service_definition("kafka", KAFKA_PORT="40001").environment["KAFKA_ADVERTISED_LISTENERS"]
    default = load_service_definition("kafka").environment["KAFKA_ADVERTISED_LISTENERS"]
    assert (custom.split(",")[0], default.split(",")[0]) == ("HOST://127.0.0.1:40001", "HOST://127.0.0.1:9092")


def test_prometheus_has_the_rules() -> None:
    """The configured rule file is a mount of the rules with default thresholds, and the worker is a scrape target."""
    mounts = {target: source for source, target in _mounts("prometheus")}
    configuration = yaml.safe_load(mounts["/etc/prometheus/prometheus.yml"].read_text())
    assert configuration["rule_files"] == ["rules.yaml"]
    assert mounts["/etc/prometheus/rules.yaml"] == _DEPLOY / "prometheus" / "rules.yaml"
    assert configuration["scrape_configs"][0]["dns_sd_configs"][0]["names"] == ["reprise"]
    assert "reprise" in _services()


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """The default data source is the Prometheus service, and the home dashboard is the file in the chart."""
    mounts = {target: source for source, target in _mounts("grafana")}
    provisioning = mounts["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["isDefault"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "reprise.yaml").read_text())["providers"]
    home = _services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounts[home] == _DEPLOY / "helm" / "reprise" / "files" / "dashboard.json"
    assert Path(home).parent == Path(provider["options"]["path"])


def test_the_worker_s_containers_are_restricted() -> None:
    """Each has a read-only root file system, no capabilities, and cannot gain new privileges."""
    services = [service for service in _services().values() if "build" in service]
    assert len(services) == 3
    for service in services:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges"]
