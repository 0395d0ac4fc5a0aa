from dataclasses import fields

import pytest

from reprise.dedup.decision import Rule
from reprise.errors import UsageError
from reprise.settings import DeliveryMode, describe, load


def mistakes(environment: dict[str, str]) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load(environment)
    return str(caught.value).splitlines()


def test_an_empty_environment_is_enough() -> None:
    """Every setting has a default that passes the checks."""
    settings = load({})
    assert settings.index.window_seconds == 604_800
    assert settings.index.replay_seconds == 86_400
    assert settings.index.expected_articles == 1_000_000
    assert settings.service.delivery is DeliveryMode.AT_LEAST_ONCE
    assert settings.service.http_port == 9464
    assert settings.kafka.auto_offset_reset == "earliest"


def test_the_names_are_those_that_users_were_promised() -> None:
    """Every variable of the contract exists under its name."""
    promised = """
        KAFKA_BOOTSTRAP_SERVERS KAFKA_GROUP_ID KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM KAFKA_SASL_USERNAME
        KAFKA_SASL_PASSWORD KAFKA_SSL_CAFILE KAFKA_SSL_CERTFILE KAFKA_SSL_KEYFILE TOPIC_ARTICLES TOPIC_NEW
        TOPIC_VARIANTS TOPIC_DEAD REDIS_URL REDIS_CLUSTER NAMESPACE WINDOW_SECONDS REPLAY_SECONDS EXPECTED_ARTICLES
        DELIVERY HTTP_PORT KAFKA_AUTO_OFFSET_RESET KAFKA_GROUP_INSTANCE_ID LOG_LEVEL LOG_FORMAT
        BATCH_MAX_ARTICLES STARTUP_TIMEOUT_SECONDS CIRCUIT_IN_A_ROW CIRCUIT_SHARE REDIS_ALLOW_EVICTION
        LIVENESS_TIMEOUT_SECONDS
    """
    assert {f"REPRISE_{name}" for name in promised.split()} <= {each.variable for each in describe()}


def test_the_environment_is_taken() -> None:
    """A variable that is set wins over the default, whatever else the environment holds."""
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


def test_a_worker_serves_so_many_namespaces_and_no_more() -> None:
    """Past the bound the list is refused at the start, not cut."""
    values = [f"v{number}" for number in range(33)]
    by_field = {"REPRISE_NAMESPACE_BY": "field:tenant"}
    assert load({**by_field, "REPRISE_NAMESPACE_VALUES": ", ".join(values[:32])})
    (line,) = mistakes({**by_field, "REPRISE_NAMESPACE_VALUES": ", ".join(values)})
    assert line.startswith("REPRISE_NAMESPACE_VALUES: 'v0, v1, ")
    assert "allowed: 1 to 32 names" in line


def test_values_of_namespaces_are_written_as_people_do() -> None:
    """Blanks, capitals and repetitions do not count."""
    settings = load({"REPRISE_NAMESPACE_BY": "field:tenant", "REPRISE_NAMESPACE_VALUES": "Acme, b.c ,acme"})
    assert settings.index.namespace_values == "acme,b.c"


def test_settings_are_frozen() -> None:
    """Nothing changes a setting after the start."""
    settings = load({})
    with pytest.raises(Exception, match="frozen"):
        settings.service.http_port = 1  # type: ignore[misc]


def test_an_empty_variable_counts_as_not_set() -> None:
    """Templates that write an empty value for what is not wanted keep the default."""
    assert load({"REPRISE_HTTP_PORT": "", "REPRISE_KAFKA_SASL_PASSWORD_FILE": ""}) == load({})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("HTTP_PORT", "99999", "a whole number at least 0 and at most 65535"),
        ("HTTP_PORT", "http", "a whole number"),
        ("WINDOW_SECONDS", "0", "a number at least 1"),
        ("WINDOW_SECONDS", "nan", "a number at least 1"),
        ("REPLAY_SECONDS", "-1", "a number at least 1"),
        ("EXPECTED_ARTICLES", "1", "a whole number at least 100"),
        ("CIRCUIT_SHARE", "1.5", "a number more than 0 and at most 1"),
        ("DELIVERY", "exactly_once", "at_least_once, transactional"),
        ("LOG_FORMAT", "xml", "json, console"),
        ("REDIS_CLUSTER", "perhaps", "true, false"),
        ("NAMESPACE", "{fr}", "characters a-z"),
        ("NAMESPACE_BY", "language", "lang, field:NAME or header:NAME"),
        ("NAMESPACE_BY", "field:", "lang, field:NAME or header:NAME"),
        ("NAMESPACE_VALUES", "en,,fr", "1 to 32 names with commas between"),
        ("NAMESPACE_VALUES", "en,{fr}", "1 to 32 names with commas between"),
        ("TOPIC_NEW", "stories new", "characters a-z"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ("KAFKA_SSL_CAFILE", "/no/such/file", "the path of a readable file"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    """One mistake is one line: the variable, its value, what it allows."""
    (line,) = mistakes({f"REPRISE_{name}": value})
    assert line.startswith(f"REPRISE_{name}: {value!r} is not allowed; allowed: ")
    assert allowed in line


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@host", "redis://:hunter2@", "unix://", "redis://:hunter2@host:99999", "redis"]
)
def test_a_wrong_secret_is_not_shown(url: str) -> None:
    """A Redis URL holds a password, so its mistake shows no value."""
    (line,) = mistakes({"REPRISE_REDIS_URL": url})
    assert line.startswith("REPRISE_REDIS_URL: its value is not allowed; allowed: redis://")
    assert "hunter2" not in line


def test_a_secret_is_not_in_the_settings_words() -> None:
    """Printing the settings shows no password."""
    settings = load({"REPRISE_REDIS_URL": "redis://:hunter2@host", "REPRISE_REDIS_PASSWORD": "hunter3"})
    assert "hunter" not in repr(settings)


def test_all_mistakes_are_told_at_once() -> None:
    """Mistakes of any sort, in any group, come together."""
    lines = mistakes(
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


def test_an_unknown_variable_is_a_mistake() -> None:
    """A typing error does not pass, and the likely name is offered."""
    assert mistakes({"REPRISE_HTPP_PORT": "80"}) == [
        "REPRISE_HTPP_PORT: there is no such setting; did you mean REPRISE_HTTP_PORT?"
    ]
    assert mistakes({"REPRISE_ZZZZZZ": "x"}) == ["REPRISE_ZZZZZZ: there is no such setting"]
    assert len(mistakes({"REPRISE_HTTP_PORT_FILE": "only secrets come from files"})) == 1


def test_variables_that_nobody_typed_are_left_alone() -> None:
    """Kubernetes describes a Service named reprise to every pod, and the tests have variables of their own."""
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
    }
    assert load(environment) == load({})


def test_a_secret_can_come_from_a_file(tmp_path) -> None:
    """The file's text is the secret, without the line break at its end."""
    file = tmp_path / "url"
    file.write_text("redis://:hunter2@host:6380/1\n")
    url = load({"REPRISE_REDIS_URL_FILE": str(file)}).redis.url
    assert url.get_secret_value() == "redis://:hunter2@host:6380/1"


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "it is empty"), (b"\xff\xfe", "it is not UTF-8"), (b"x" * 70_000, "it is larger than")]
)
def test_a_secret_file_that_is_none_is_a_mistake(tmp_path, content: bytes, says: str) -> None:
    """A file that cannot be a secret is named, with why."""
    file = tmp_path / "password"
    file.write_bytes(content)
    (line,) = mistakes({"REPRISE_REDIS_PASSWORD_FILE": str(file)})
    assert line.startswith("REPRISE_REDIS_PASSWORD_FILE: cannot read ")
    assert says in line


def test_a_secret_given_twice_is_a_mistake(tmp_path) -> None:
    """Nobody has to guess which of the two is taken."""
    file = tmp_path / "password"
    file.write_text("one")
    (line,) = mistakes({"REPRISE_REDIS_PASSWORD": "two", "REPRISE_REDIS_PASSWORD_FILE": str(file)})
    assert line == "REPRISE_REDIS_PASSWORD_FILE: REPRISE_REDIS_PASSWORD is set as well; set one of them"


SASL = {
    "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "REPRISE_KAFKA_SASL_MECHANISM": "PLAIN",
    "REPRISE_KAFKA_SASL_USERNAME": "worker",
    "REPRISE_KAFKA_SASL_PASSWORD": "hunter2",
}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
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
        ({"REPRISE_NAMESPACE_BY": "lang"}, ["REPRISE_NAMESPACE_BY"]),
        ({"REPRISE_NAMESPACE_VALUES": "en"}, ["REPRISE_NAMESPACE_VALUES"]),
        (
            {"REPRISE_NAMESPACE_BY": "lang", "REPRISE_NAMESPACE_VALUES": "en,pt-br,zh_hant"},
            ["REPRISE_NAMESPACE_VALUES", "REPRISE_NAMESPACE_VALUES"],
        ),
        ({"REPRISE_RULE_BUCKET_ENTRIES": "4", "REPRISE_RULE_STOP_STORIES": "5"}, ["REPRISE_RULE_BUCKET_ENTRIES"]),
        ({"REPRISE_LIVENESS_TIMEOUT_SECONDS": "30"}, ["REPRISE_LIVENESS_TIMEOUT_SECONDS"]),
        ({"REPRISE_DRAIN_TIMEOUT_SECONDS": "20"}, ["REPRISE_DRAIN_TIMEOUT_SECONDS"]),
    ],
)
def test_settings_that_contradict_each_other_are_mistakes(environment: dict[str, str], names: list[str]) -> None:
    """Values that are right alone and wrong together are named."""
    lines = mistakes(environment)
    assert [line.partition(":")[0] for line in lines] == names
    assert not any("hunter2" in line for line in lines)


def test_a_complete_login_passes() -> None:
    """SASL with all that it needs is no mistake."""
    password = load(SASL).kafka.sasl_password
    assert password is not None
    assert password.get_secret_value() == "hunter2"


def test_every_threshold_of_the_rule_is_a_setting() -> None:
    """The settings of the decision are the rule's own fields, with its defaults."""
    assert Rule(**load({}).rule.model_dump()) == Rule()
    assert set(type(load({}).rule).model_fields) == {field.name for field in fields(Rule)}


def test_every_setting_is_described() -> None:
    """The help has a meaning and what is allowed for each variable, and each name once."""
    described = list(describe())
    assert len({each.variable for each in described}) == len(described)
    for each in described:
        assert each.meaning.endswith("."), each.variable
        assert each.allowed, each.variable


def test_every_default_is_allowed_as_text() -> None:
    """A default copied from the help into the environment changes nothing."""
    environment = {each.variable: each.default for each in describe() if each.default is not None}
    assert load(environment) == load({})
