from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from reprise.bootstrap import dedup_rule
from reprise.dedup.rule import Rule
from reprise.errors import UsageError
from reprise.settings import DeliveryMode, describe, load


def error_lines(environment: dict[str, str]) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load(environment)
    return str(caught.value).splitlines()


def test_the_defaults_are_valid() -> None:
    """An empty environment loads: every setting has a default that passes the checks."""
    settings = load({})
    assert settings.index.window_seconds == 604_800
    assert settings.index.replay_seconds == 86_400
    assert settings.index.expected_articles == 1_000_000
    assert settings.service.delivery is DeliveryMode.AT_LEAST_ONCE
    assert settings.service.http_port == 9464
    assert settings.kafka.auto_offset_reset == "earliest"


def test_documented_variables_keep_their_names() -> None:
    """Every variable of the contract exists."""
    documented = """
        KAFKA_BOOTSTRAP_SERVERS KAFKA_GROUP_ID KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM KAFKA_SASL_USERNAME
        KAFKA_SASL_PASSWORD KAFKA_SSL_CAFILE KAFKA_SSL_CERTFILE KAFKA_SSL_KEYFILE TOPIC_ARTICLES TOPIC_NEW
        TOPIC_VARIANTS TOPIC_DEAD REDIS_URL REDIS_CLUSTER NAMESPACE WINDOW_SECONDS REPLAY_SECONDS EXPECTED_ARTICLES
        DELIVERY HTTP_PORT KAFKA_AUTO_OFFSET_RESET KAFKA_GROUP_INSTANCE_ID LOG_LEVEL LOG_FORMAT
        BATCH_MAX_ARTICLES STARTUP_TIMEOUT_SECONDS CIRCUIT_IN_A_ROW CIRCUIT_SHARE REDIS_ALLOW_EVICTION
        LIVENESS_TIMEOUT_SECONDS
    """
    assert {f"REPRISE_{name}" for name in documented.split()} <= {setting.variable for setting in describe()}


def test_variables_override_defaults() -> None:
    """A REPRISE_ variable replaces its default; other variables are ignored."""
    settings = load(
        {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": "one:9092, [::1]:9093",
            "REPRISE_WINDOW_SECONDS": "2.5",
            "REPRISE_REDIS_CLUSTER": "true",
            "REPRISE_REDIS_URL": "rediss://valkey:6380",
            "PATH": "/bin",
        }
    )
    assert settings.kafka.bootstrap_servers == "one:9092,[::1]:9093"
    assert settings.index.window_seconds == 2.5
    assert settings.redis.cluster
    assert settings.redis.url.get_secret_value() == "rediss://valkey:6380"


def test_more_namespace_values_than_the_maximum_are_rejected() -> None:
    """A list of 33 values is an error, it is not truncated."""
    values = [f"v{number}" for number in range(33)]
    by_field = {"REPRISE_NAMESPACE_BY": "field:tenant"}
    assert load({**by_field, "REPRISE_NAMESPACE_VALUES": ", ".join(values[:32])})
    (line,) = error_lines({**by_field, "REPRISE_NAMESPACE_VALUES": ", ".join(values)})
    assert line.startswith("REPRISE_NAMESPACE_VALUES: invalid value 'v0, v1, ")
    assert "allowed: 1 to 32 comma-separated values" in line


def test_namespace_values_are_normalized() -> None:
    """Blanks, upper case and duplicates are removed."""
    settings = load({"REPRISE_NAMESPACE_BY": "field:tenant", "REPRISE_NAMESPACE_VALUES": "Acme, b.c ,acme"})
    assert settings.index.namespace_values == "acme,b.c"


def test_settings_are_frozen() -> None:
    """An assignment to a setting raises an error."""
    settings = load({})
    with pytest.raises(Exception, match="frozen"):
        settings.service.http_port = 1


def test_an_empty_variable_counts_as_unset() -> None:
    """A template may write an empty value to keep the default."""
    assert load({"REPRISE_HTTP_PORT": "", "REPRISE_KAFKA_SASL_PASSWORD_FILE": ""}) == load({})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("HTTP_PORT", "99999", "an integer from 0 to 65535"),
        ("HTTP_PORT", "http", "an integer"),
        ("WINDOW_SECONDS", "0", "a number from 1 to 31622400"),
        ("WINDOW_SECONDS", "nan", "a number from 1 to 31622400"),
        ("REPLAY_SECONDS", "-1", "a number from 1 to 31622400"),
        ("EXPECTED_ARTICLES", "1", "an integer from 100 to 1000000000"),
        ("CIRCUIT_SHARE", "1.5", "a number above 0, at most 1"),
        ("DELIVERY", "exactly_once", "at_least_once, transactional"),
        ("LOG_FORMAT", "xml", "json, console"),
        ("REDIS_CLUSTER", "perhaps", "true, false"),
        ("NAMESPACE", "{fr}", "characters from a-z"),
        ("NAMESPACE_BY", "language", "lang, field:NAME or header:NAME"),
        ("NAMESPACE_BY", "field:", "lang, field:NAME or header:NAME"),
        ("NAMESPACE_VALUES", "en,,fr", "1 to 32 comma-separated values"),
        ("NAMESPACE_VALUES", "en,{fr}", "1 to 32 comma-separated values"),
        ("TOPIC_NEW", "stories new", "characters from a-z"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "HOST:PORT"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ("KAFKA_SSL_CAFILE", "/no/such/file", "the path of a readable file"),
    ],
)
def test_an_invalid_value_is_reported_with_the_allowed_values(name: str, value: str, allowed: str) -> None:
    """An error is one line: the variable, its value, the allowed values."""
    (line,) = error_lines({f"REPRISE_{name}": value})
    assert line.startswith(f"REPRISE_{name}: invalid value {value!r}; allowed: ")
    assert allowed in line


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@host", "redis://:hunter2@", "unix://", "redis://:hunter2@host:99999", "redis"]
)
def test_an_invalid_secret_is_not_shown(url: str) -> None:
    """A Redis URL may contain a password, so its error line omits the value."""
    (line,) = error_lines({"REPRISE_REDIS_URL": url})
    assert line.startswith("REPRISE_REDIS_URL: invalid value; allowed: redis://")
    assert "hunter2" not in line


def test_the_repr_of_settings_hides_secrets() -> None:
    """A printed Settings object contains no password."""
    settings = load({"REPRISE_REDIS_URL": "redis://:hunter2@host", "REPRISE_REDIS_PASSWORD": "hunter3"})
    assert "hunter" not in repr(settings)


def test_all_errors_are_reported_at_once() -> None:
    """Errors of every kind and group are in one report, cross-checks included."""
    lines = error_lines(
        {
            "REPRISE_HTTP_PORT": "x",
            "REPRISE_REDIS_CLUSTER": "x",
            "REPRISE_KAFKA_GROUPID": "x",
            "REPRISE_TOPIC_DEAD": "articles.raw",
            "REPRISE_RULE_BUCKET_ENTRIES": "2",
            "REPRISE_KAFKA_SASL_PASSWORD_FILE": "/no/such/file",
        }
    )
    assert [line.partition(":")[0] for line in lines] == [
        "REPRISE_KAFKA_GROUPID",
        "REPRISE_KAFKA_SASL_PASSWORD_FILE",
        "REPRISE_REDIS_CLUSTER",
        "REPRISE_HTTP_PORT",
        "REPRISE_TOPIC_DEAD",
        "REPRISE_RULE_BUCKET_ENTRIES",
    ]


def test_an_unknown_variable_is_an_error() -> None:
    """A misspelt variable is reported with the most similar setting."""
    assert error_lines({"REPRISE_HTPP_PORT": "80"}) == [
        "REPRISE_HTPP_PORT: unknown setting; did you mean REPRISE_HTTP_PORT?"
    ]
    assert error_lines({"REPRISE_ZZZZZZ": "x"}) == ["REPRISE_ZZZZZZ: unknown setting"]
    assert len(error_lines({"REPRISE_HTTP_PORT_FILE": "only secrets come from files"})) == 1


def test_service_links_and_variables_of_tests_and_builds_are_ignored() -> None:
    """Kubernetes sets REPRISE_ variables for a Service named reprise; tests use three of their own, the build one."""
    environment = {
        "REPRISE_SERVICE_HOST": "10.0.0.1",
        "REPRISE_SERVICE_PORT": "9464",
        "REPRISE_SERVICE_PORT_METRICS": "9464",
        "REPRISE_PORT": "tcp://10.0.0.1:9464",
        "REPRISE_PORT_9464_TCP": "tcp://10.0.0.1:9464",
        "REPRISE_PORT_9464_TCP_ADDR": "10.0.0.1",
        "REPRISE_TEST_REQUIRE": "stack,data",
        "REPRISE_SHARED": "../shared",
        "REPRISE_KUBECONFIG": "kubeconfig",
        "REPRISE_NATIVE": "1",
    }
    assert load(environment) == load({})


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    """The content of the file is the secret, without the final line break."""
    file = tmp_path / "url"
    file.write_text("redis://:hunter2@host:6380/1\n")
    url = load({"REPRISE_REDIS_URL_FILE": str(file)}).redis.url
    assert url.get_secret_value() == "redis://:hunter2@host:6380/1"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "it is empty"), (b"\xff\xfe", "it is not UTF-8"), (b"x" * 70_000, "it is larger than")],
)
def test_an_invalid_secret_file_is_an_error(tmp_path: Path, content: bytes, problem: str) -> None:
    """The error line names the variable, the file and the problem."""
    file = tmp_path / "password"
    file.write_bytes(content)
    (line,) = error_lines({"REPRISE_REDIS_PASSWORD_FILE": str(file)})
    assert line.startswith("REPRISE_REDIS_PASSWORD_FILE: cannot read ")
    assert problem in line


def test_a_secret_that_is_set_twice_is_an_error(tmp_path: Path) -> None:
    """A secret comes from its variable or from a file, not from both."""
    file = tmp_path / "password"
    file.write_text("one")
    (line,) = error_lines({"REPRISE_REDIS_PASSWORD": "two", "REPRISE_REDIS_PASSWORD_FILE": str(file)})
    assert line == "REPRISE_REDIS_PASSWORD_FILE: REPRISE_REDIS_PASSWORD is set as well; set only one of the two"


SASL = {
    "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "REPRISE_KAFKA_SASL_MECHANISM": "PLAIN",
    "REPRISE_KAFKA_SASL_USERNAME": "worker",
    "REPRISE_KAFKA_SASL_PASSWORD": "hunter2",
}


REGISTRY = {"REPRISE_SCHEMA_REGISTRY_URL": "http://registry:8081"}

#: Settings that are valid alone but not together, and the variables of the error lines. The chart refuses them, too.
CONFLICTS: Sequence[tuple[dict[str, str], list[str]]] = [
    ({**SASL, "REPRISE_KAFKA_SASL_PASSWORD": ""}, ["REPRISE_KAFKA_SASL_PASSWORD"]),
    ({"REPRISE_KAFKA_SASL_USERNAME": "worker"}, ["REPRISE_KAFKA_SASL_USERNAME"]),
    ({**SASL, "REPRISE_KAFKA_SSL_CAFILE": __file__}, ["REPRISE_KAFKA_SSL_CAFILE"]),
    (
        {"REPRISE_KAFKA_SECURITY_PROTOCOL": "SSL", "REPRISE_KAFKA_SSL_KEYFILE": __file__},
        ["REPRISE_KAFKA_SSL_KEYFILE"],
    ),
    ({"REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS": "300"}, ["REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS"]),
    ({"REPRISE_TOPIC_NEW": "stories", "REPRISE_TOPIC_VARIANTS": "stories"}, ["REPRISE_TOPIC_VARIANTS"]),
    ({"REPRISE_REDIS_CLUSTER": "true", "REPRISE_REDIS_URL": "unix:///run/redis.sock"}, ["REPRISE_REDIS_CLUSTER"]),
    ({"REPRISE_REDIS_SSL_CAFILE": __file__}, ["REPRISE_REDIS_SSL_CAFILE"]),
    (
        {"REPRISE_REDIS_URL": "rediss://host", "REPRISE_REDIS_SSL_KEYFILE": __file__},
        ["REPRISE_REDIS_SSL_KEYFILE"],
    ),
    ({"REPRISE_SCHEMA_REGISTRY_SSL_CAFILE": __file__}, ["REPRISE_SCHEMA_REGISTRY_SSL_CAFILE"]),
    ({**REGISTRY, "REPRISE_SCHEMA_REGISTRY_USERNAME": "reader"}, ["REPRISE_SCHEMA_REGISTRY_USERNAME"]),
    ({**REGISTRY, "REPRISE_SCHEMA_REGISTRY_SSL_CAFILE": __file__}, ["REPRISE_SCHEMA_REGISTRY_SSL_CAFILE"]),
    ({"REPRISE_NAMESPACE_BY": "lang"}, ["REPRISE_NAMESPACE_BY"]),
    ({"REPRISE_NAMESPACE_VALUES": "en"}, ["REPRISE_NAMESPACE_VALUES"]),
    (
        {"REPRISE_NAMESPACE_BY": "lang", "REPRISE_NAMESPACE_VALUES": "en,pt-br,zh_hant"},
        ["REPRISE_NAMESPACE_VALUES", "REPRISE_NAMESPACE_VALUES"],
    ),
    ({"REPRISE_RULE_BUCKET_ENTRIES": "4", "REPRISE_RULE_STOP_STORIES": "5"}, ["REPRISE_RULE_BUCKET_ENTRIES"]),
    ({"REPRISE_LIVENESS_TIMEOUT_SECONDS": "30"}, ["REPRISE_LIVENESS_TIMEOUT_SECONDS"]),
    ({"REPRISE_DRAIN_TIMEOUT_SECONDS": "20"}, ["REPRISE_DRAIN_TIMEOUT_SECONDS"]),
]


@pytest.mark.parametrize(("environment", "names"), CONFLICTS)
def test_conflicting_settings_are_errors(environment: dict[str, str], names: list[str]) -> None:
    """Values that are valid setting but not together are reported by their variables, without secrets."""
    lines = error_lines(environment)
    assert [line.partition(":")[0] for line in lines] == names
    assert not any("hunter2" in line for line in lines)


def test_the_login_of_a_registry_is_complete() -> None:
    """A password needs a user name, and both need an address; a password in the address is refused."""
    password = {"REPRISE_SCHEMA_REGISTRY_PASSWORD": "hunter2"}
    assert error_lines({**REGISTRY, **password}) == [
        "REPRISE_SCHEMA_REGISTRY_PASSWORD: requires REPRISE_SCHEMA_REGISTRY_USERNAME"
    ]
    assert error_lines(password) == [
        "REPRISE_SCHEMA_REGISTRY_PASSWORD: has no effect without REPRISE_SCHEMA_REGISTRY_URL"
    ]
    (line,) = error_lines({"REPRISE_SCHEMA_REGISTRY_URL": "http://reader:hunter2@registry:8081"})
    assert line.startswith("REPRISE_SCHEMA_REGISTRY_URL: invalid value 'http://***@registry:8081'; allowed: ")
    login = load({**REGISTRY, **password, "REPRISE_SCHEMA_REGISTRY_USERNAME": "reader"}).schema_registry
    assert login.username == "reader"


def test_a_complete_sasl_login_is_valid() -> None:
    """SASL with mechanism, user name and password loads."""
    password = load(SASL).kafka.sasl_password
    assert password is not None
    assert password.get_secret_value() == "hunter2"


def test_every_field_of_the_rule_is_a_setting() -> None:
    """The settings of the decision have the fields and defaults of Rule."""
    assert dedup_rule(load({})) == Rule()
    assert len(type(load({}).rule).model_fields) == len(fields(Rule))


def test_every_setting_is_described() -> None:
    """Each variable occurs once, with its meaning and its allowed values."""
    described = list(describe())
    assert len({setting.variable for setting in described}) == len(described)
    for setting in described:
        assert setting.meaning.endswith("."), setting.variable
        assert setting.allowed, setting.variable


def test_every_described_default_is_a_valid_value() -> None:
    """A default that is copied from the help into the environment changes nothing."""
    environment = {setting.variable: setting.default for setting in describe() if setting.default is not None}
    assert load(environment) == load({})


@pytest.mark.parametrize(
    ("name", "value", "group", "field", "expected"),
    [
        ("LOG_LEVEL", "WARNING", "service", "log_level", "warning"),
        ("LOG_FORMAT", "Console", "service", "log_format", "console"),
        ("DELIVERY", "At-Least-Once", "service", "delivery", DeliveryMode.AT_LEAST_ONCE),
        ("KAFKA_AUTO_OFFSET_RESET", " LATEST ", "kafka", "auto_offset_reset", "latest"),
        ("INPUT_FORMAT", "News-Please", "input", "format", "news-please"),
        ("REDIS_CLUSTER", "YES", "redis", "cluster", True),
        ("REDIS_CLUSTER", "on", "redis", "cluster", True),
        ("REDIS_CLUSTER", "0", "redis", "cluster", False),
        ("WINDOW_SECONDS", "7d", "index", "window_seconds", 604_800),
        ("WINDOW_SECONDS", "1d 12h", "index", "window_seconds", 129_600),
        ("REPLAY_SECONDS", "1.5H", "index", "replay_seconds", 5_400),
        ("STARTUP_TIMEOUT_SECONDS", "15m", "times", "startup_timeout_seconds", 900),
        ("POLL_TIMEOUT_SECONDS", "500ms", "times", "poll_timeout_seconds", 0.5),
        ("CIRCUIT_HOLD_SECONDS", "30s", "times", "circuit_hold_seconds", 30),
    ],
)
def test_usual_spellings_are_accepted(name: str, value: str, group: str, field: str, expected: object) -> None:
    """Any letter case of a closed set, the usual booleans, and durations with a unit."""
    assert getattr(getattr(load({f"REPRISE_{name}": value}), group), field) == expected


@pytest.mark.parametrize("value", ["7 days", "d", "7d of", "-7d", "7x", "400d"])
def test_other_durations_are_refused(value: str) -> None:
    (line,) = error_lines({"REPRISE_WINDOW_SECONDS": value})
    assert "allowed: a number from 1 to 31622400, or a duration such as 90s, 15m or 7d" in line


def test_a_secret_keeps_its_spaces() -> None:
    password = load({"REPRISE_REDIS_PASSWORD": " hunter 2 "}).redis.password
    assert password is not None
    assert password.get_secret_value() == " hunter 2 "


@pytest.mark.parametrize("url", ["redis://host/abc", "redis://host/0/1", "rediss://host/-1"])
def test_the_database_of_a_redis_url_is_a_number(url: str) -> None:
    """The client would use database 0 without an error."""
    assert error_lines({"REPRISE_REDIS_URL": url})
    assert load({"REPRISE_REDIS_URL": "redis://host/3"}).redis.url.get_secret_value().endswith("/3")


CONFIG = """
window_seconds = "7d"
log_level = "WARNING"
REPRISE_HTTP_PORT = 8080

[kafka]
bootstrap_servers = ["a:9092", "b:9092"]
group-id = "dedup"
sasl_password = "hunter2"
security_protocol = "sasl_ssl"

[kafka.sasl]
mechanism = "plain"
username = "u"

[input]
format = "trafilatura"

[input.fields]
text = "body"

[redis]
cluster = true
"""


def test_a_settings_file_stands_beside_the_environment(tmp_path: Path) -> None:
    """Keys are names of variables without the prefix; tables are beginnings of names. The environment wins."""
    path, secret = tmp_path / "reprise.toml", tmp_path / "secret"
    path.write_text(CONFIG)
    secret.write_text("hunter3")
    file = {"REPRISE_CONFIG_FILE": str(path)}
    settings = load(file)
    assert settings.index.window_seconds == 604_800
    assert (settings.service.log_level, settings.service.http_port) == ("warning", 8080)
    assert settings.kafka.bootstrap_servers == "a:9092,b:9092"
    assert (settings.kafka.group_id, settings.kafka.sasl_mechanism) == ("dedup", "PLAIN")
    assert (settings.input.format, settings.input.fields) == ("trafilatura", '{"text":"body"}')
    assert settings.redis.cluster
    own = load(file | {"REPRISE_KAFKA_GROUP_ID": "x", "REPRISE_KAFKA_SASL_PASSWORD_FILE": str(secret)})
    assert own.kafka.group_id == "x"
    assert own.kafka.sasl_password is not None
    assert own.kafka.sasl_password.get_secret_value() == "hunter3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[kafka]\ngroup = 'a'", "REPRISE_KAFKA_GROUP: unknown setting; did you mean REPRISE_KAFKA_GROUP_ID?"),
        ("http_port = 'x'", "REPRISE_HTTP_PORT: invalid value 'x'"),
        ("http_port 1", "the settings file is not TOML: "),
        ("kafka_group_id = 'a'\n[kafka]\ngroup_id = 'b'", "REPRISE_KAFKA_GROUP_ID is set twice"),
    ],
)
def test_mistakes_in_a_settings_file(text: str, message: str, tmp_path: Path) -> None:
    """They are reported as those of the environment."""
    path = tmp_path / "reprise.toml"
    path.write_text(text)
    (line,) = error_lines({"REPRISE_CONFIG_FILE": str(path)})
    assert message in line


def test_a_missing_settings_file() -> None:
    (line,) = error_lines({"REPRISE_CONFIG_FILE": "/no/such/file.toml"})
    assert line == "/no/such/file.toml: cannot read the settings file: No such file or directory"
