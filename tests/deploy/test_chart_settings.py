import math
from pathlib import Path

import pytest

from deploy.helm.chart_settings import CHART, FILES, ChartSetting, chart_settings
from reprise.settings import Settings, load
from tests.deploy.chart import CASES, NEEDED, Helm

#: In the worker's order, each of `worker.settings.describe()` once.
SETTINGS = list(chart_settings())

#: Where the chart mounts secrets.
MOUNTED = "/etc/reprise/secrets/"

#: What stands in the files of a test, where the worker reads more than "not empty".
CONTENTS = {"redis-url": "rediss://redis.example:6380/0"}


@pytest.mark.parametrize("name", FILES)
def test_the_chart_has_the_settings_of_this_worker(name: str) -> None:
    """Values, schema and README are as `make chart` writes them: no setting is missing, none has another default."""
    text = (CHART / name).read_text()
    assert FILES[name](text) == text, "run `make chart`"


def another(setting: ChartSetting) -> object:
    """Return a value that the setting allows and that is not its default."""
    schema, default = setting.schema, setting.default
    if "enum" in schema:
        return next(each for each in schema["enum"] if each not in (default, None))
    if schema["type"] == "boolean":
        return not default
    if isinstance(default, (int, float)):
        return schema["maximum"]
    narrow = {"redisUrl": "unix:///run/redis.sock", "kafkaBootstrapServers": "a.example:9092", "namespaceBy": "lang"}
    return narrow.get(setting.name, "other")


def test_every_setting_of_the_worker_can_be_set(helm: Helm) -> None:
    """Each variable is in the worker's environment, with the value given, or as a file where a Secret holds it."""
    plain = {each.name: another(each) for each in SETTINGS if each.plain and not each.from_secret}
    secret = {each.name: {"existingSecret": "some", "key": "key"} for each in SETTINGS if each.from_secret}
    values = {"settings": plain, "secrets": secret, "staticMembership": {"enabled": True}}
    environment = helm.objects(values=values).environment()
    assert environment.keys() == {each.described.variable + "_FILE" * each.described.secret for each in SETTINGS}
    for name, given in plain.items():
        (variable,) = (each.described.variable for each in SETTINGS if each.name == name)
        assert environment[variable] == (str(given).lower() if isinstance(given, bool) else str(given))


def test_a_setting_that_may_stand_in_either_place_does(helm: Helm) -> None:
    """Redis's URL without a password, and certificates from volumes of one's own, need no Secret."""
    either = [each for each in SETTINGS if each.plain and each.from_secret]
    values = {"settings": {"kafkaBootstrapServers": "a:1"} | {each.name: another(each) for each in either}}
    environment = helm.objects(values=values).environment()
    for each in either:
        assert environment[each.described.variable] == another(each)


def test_null_leaves_a_variable_out(helm: Helm) -> None:
    """An image that does not know a setting yet refuses its variable: it can be taken away."""
    environment = helm.objects("minimal", {"settings": {"ruleNovel": None}}).environment()
    assert "REPRISE_RULE_NOVEL" not in environment
    assert "REPRISE_RULE_NEAR" in environment


def started(environment: dict[str, str], folder: Path) -> Settings:
    """Load what a container gets, its secrets in a folder of the test. Raises UsageError."""
    for name, value in environment.items():
        if value.startswith(MOUNTED):
            path = folder / value.removeprefix(MOUNTED)
            path.write_text(CONTENTS.get(path.name, "secret"))
            environment[name] = str(path)
    return load(environment)


@pytest.mark.parametrize("case", CASES)
def test_the_worker_accepts_what_the_chart_renders(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker's own reading of the environment finds no mistake in that of any pod of any case."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    assert settings.service.http_port == objects.worker_pod["containers"][0]["ports"][0]["containerPort"]
    for kind, _ in objects.pods():
        assert started(objects.environment(kind), tmp_path).kafka.bootstrap_servers == settings.kafka.bootstrap_servers


def test_the_defaults_are_the_workers(helm: Helm, tmp_path: Path) -> None:
    """Every setting is what the worker alone would take, but the addresses, and the time for a scrape to see an end."""
    environment = helm.objects(values=NEEDED).environment()
    others = ("REPRISE_KAFKA_BOOTSTRAP_SERVERS", "REPRISE_REDIS_URL", "REPRISE_CIRCUIT_HOLD_SECONDS")
    assert started(environment, tmp_path) == load({name: environment[name] for name in others})


@pytest.mark.parametrize("case", CASES)
def test_an_open_circuit_is_scraped(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker holds for longer than two scrapes are apart, and ends by itself before liveness ends it."""
    objects = helm.objects(case)
    times = started(objects.environment(), tmp_path).times
    for monitor in objects.of("PodMonitor"):
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert times.circuit_hold_seconds > 2 * int(endpoint["interval"].removesuffix("s"))
    assert times.circuit_hold_seconds < times.liveness_timeout_seconds


@pytest.mark.parametrize("case", CASES)
def test_the_grace_period_outlasts_the_drain(helm: Helm, case: str, tmp_path: Path) -> None:
    """SIGKILL comes after the drain's limit, what Redis may take longer than a try to deliver, and 20 s of closing."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    longer = max(0.0, 2 * settings.redis.timeout_seconds - settings.times.flush_timeout_seconds)
    needed = settings.times.drain_timeout_seconds + longer + 20
    assert needed <= objects.worker_pod["terminationGracePeriodSeconds"] <= math.ceil(needed) + 1


@pytest.mark.parametrize("case", CASES)
def test_the_startup_probe_outlasts_the_start(helm: Helm, case: str, tmp_path: Path) -> None:
    """The worker waits for Redis, a broker, the topics, a producer and a consumer, and says itself what it lacked."""
    objects = helm.objects(case)
    settings = started(objects.environment(), tmp_path)
    probe = objects.worker_pod["containers"][0]["startupProbe"]
    allowed = probe["periodSeconds"] * probe["failureThreshold"]
    assert allowed > 5 * settings.times.startup_timeout_seconds
    if deployments := objects.of("Deployment"):
        assert deployments[0]["spec"]["progressDeadlineSeconds"] > allowed
