import math
from pathlib import Path

import pytest

from deploy.helm.chart_settings import CHART, FILES, ChartSetting, chart_settings
from reprise.settings import Settings, load
from tests.deploy.chart import CASES, REQUIRED_VALUES, Helm

#: Every setting, in the worker's order.
SETTINGS = list(chart_settings())

#: The path at which the chart mounts secrets.
MOUNTED = "/etc/reprise/secrets/"

#: Contents of the secret files that the worker validates.
CONTENTS = {"redis-url": "rediss://redis.example:6380/0"}


@pytest.mark.parametrize("name", FILES)
def test_the_chart_has_the_settings_of_this_worker(name: str) -> None:
    """Values, schema and README are what `make chart` writes."""
    text = (CHART / name).read_text()
    assert FILES[name](text) == text, "run `make chart`"


#: Values that neither conflict with one another nor equal the default.
COMPATIBLE: dict[str, object] = {
    "kafkaBootstrapServers": "a.example:9092",
    "kafkaSecurityProtocol": "SASL_SSL",
    "kafkaSessionTimeoutSeconds": 10,
    "schemaRegistryUrl": "https://registry.example:8443/path",
    "redisUrl": "rediss://redis.example:6380/1",
    "namespaceBy": "lang",
    "inputFormat": "scrapy",
    "ruleStopStories": 2,
    "redisTimeoutSeconds": 2,
    "pollTimeoutSeconds": 2,
    "flushTimeoutSeconds": 20,
}


def another(setting: ChartSetting) -> object:
    """Return an allowed value that is not the default."""
    schema, default = setting.schema, setting.default
    if setting.name in COMPATIBLE:
        return COMPATIBLE[setting.name]
    if setting.name.startswith("topic"):
        return f"other.{setting.name}"
    if "enum" in schema:
        return next(each for each in schema["enum"] if each not in (default, None))
    if schema["type"] == "boolean":
        return not default
    if isinstance(default, (int, float)):
        return schema["maximum"]
    return "other"


def test_every_setting_of_the_worker_can_be_set(helm: Helm) -> None:
    """Each variable is in the worker's environment: with its value, or with a file's path if a Secret holds it."""
    plain = {each.name: another(each) for each in SETTINGS if each.in_settings and not each.in_secrets}
    secret = {each.name: {"existingSecret": "some", "key": "key"} for each in SETTINGS if each.in_secrets}
    values = {"settings": plain, "secrets": secret, "staticMembership": {"enabled": True}}
    environment = helm.objects(values=values).environment()
    assert environment.keys() == {each.help.variable + "_FILE" * each.help.secret for each in SETTINGS}
    for name, given in plain.items():
        (variable,) = (each.help.variable for each in SETTINGS if each.name == name)
        assert environment[variable] == (str(given).lower() if isinstance(given, bool) else str(given))


def test_some_settings_may_be_plain_or_secret(helm: Helm) -> None:
    """A Redis URL without a password, and certificates from own volumes, need no Secret."""
    either = [each for each in SETTINGS if each.in_settings and each.in_secrets]
    required = {
        "kafkaBootstrapServers": "a:1",
        "kafkaSecurityProtocol": "SSL",
        "schemaRegistryUrl": "https://registry.example",
    }
    values = {"settings": required | {each.name: another(each) for each in either}}
    environment = helm.objects(values=values).environment()
    for each in either:
        assert environment[each.help.variable] == another(each)


def test_null_removes_a_variable(helm: Helm) -> None:
    """An older image refuses variables that it does not know, so they must be removable."""
    environment = helm.objects("minimal", {"settings": {"ruleNovel": None}}).environment()
    assert "REPRISE_RULE_NOVEL" not in environment
    assert "REPRISE_RULE_NEAR" in environment


def started(environment: dict[str, str], folder: Path) -> Settings:
    """Load the settings from a container's environment, with its secrets in a folder of the test. Raises UsageError."""
    for name, value in environment.items():
        if value.startswith(MOUNTED):
            path = folder / value.removeprefix(MOUNTED)
            path.write_text(CONTENTS.get(path.name, "secret"))
            environment[name] = str(path)
    return load(environment)


@pytest.mark.parametrize("case", CASES)
def test_the_worker_accepts_the_rendered_environments(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker's own checks accept the environment of every pod of every case."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    assert settings.service.http_port == objects.worker_pod["containers"][0]["ports"][0]["containerPort"]
    for kind, _ in objects.pods():
        assert started(objects.environment(kind), tmp_path).kafka.bootstrap_servers == settings.kafka.bootstrap_servers


def test_the_defaults_are_those_of_the_worker(helm: Helm, tmp_path: Path) -> None:
    """Only the addresses and REPRISE_CIRCUIT_HOLD_SECONDS differ."""
    environment = helm.objects(values=REQUIRED_VALUES).environment()
    others = ("REPRISE_KAFKA_BOOTSTRAP_SERVERS", "REPRISE_REDIS_URL", "REPRISE_CIRCUIT_HOLD_SECONDS")
    assert started(environment, tmp_path) == load({name: environment[name] for name in others})


@pytest.mark.parametrize("case", CASES)
def test_an_open_circuit_is_scraped(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker waits for longer than two scrape intervals, and exits before its liveness probe fails."""
    objects = helm.objects(case)
    times = started(objects.environment(), tmp_path).times
    for monitor in objects.of("PodMonitor"):
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert times.circuit_hold_seconds > 2 * int(endpoint["interval"].removesuffix("s"))
    assert times.circuit_hold_seconds < times.liveness_timeout_seconds


@pytest.mark.parametrize("case", CASES)
def test_the_grace_period_outlasts_the_drain(helm: Helm, case: str, tmp_path: Path) -> None:
    """SIGKILL follows after the drain's limit, the excess of two Redis calls over an attempt to deliver, and 20 s."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    longer = max(0.0, 2 * settings.redis.timeout_seconds - settings.times.flush_timeout_seconds)
    needed = settings.times.drain_timeout_seconds + longer + 20
    assert needed <= objects.worker_pod["terminationGracePeriodSeconds"] <= math.ceil(needed) + 1


@pytest.mark.parametrize("case", CASES)
def test_the_startup_probe_outlasts_the_start(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker waits for five dependencies in turn, so that it can log the missing one before the probe fails."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    probe = objects.worker_pod["containers"][0]["startupProbe"]
    allowed = probe["periodSeconds"] * probe["failureThreshold"]
    assert allowed > 5 * settings.times.startup_timeout_seconds
    if deployments := objects.of("Deployment"):
        assert deployments[0]["spec"]["progressDeadlineSeconds"] > allowed
