from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.helm.chart_settings import CHART, ChartSetting, chart_settings, value_name
from reprise.errors import UsageError
from reprise.settings import load
from tests.deploy.chart import REQUIRED_VALUES, Helm
from tests.unit.settings.test_loader import CONFLICTS


def over(**changes: Any) -> dict[str, Any]:
    """Return the required values with changes at the top level."""
    return {**REQUIRED_VALUES, **changes}


def with_settings(**changes: Any) -> dict[str, Any]:
    """Return the required values with changed settings."""
    return {"settings": {**REQUIRED_VALUES["settings"], **changes}}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (over(replicas=3), "replicas"),
        (over(setings={}), "setings"),
        (with_settings(kafkaGroupID="x"), "kafkaGroupID"),
        (with_settings(kafkaSaslPassword="hunter2"), "kafkaSaslPassword"),
        (with_settings(kafkaGroupInstanceId="one"), "kafkaGroupInstanceId"),
        (with_settings(redisUrl="redis://:hunter2@redis:6379/0"), "redisUrl"),
        (with_settings(logLevel="verbose"), "logLevel"),
        (with_settings(httpPort=0), "httpPort"),
        (with_settings(httpPort="9464"), "httpPort"),
        (with_settings(ruleNovel=1.5), "ruleNovel"),
        (with_settings(expectedArticles=10.5), "expectedArticles"),
        (with_settings(topicDead="articles dead"), "topicDead"),
        (over(secrets={"redisPassword": {"secretName": "redis"}}), "secretName"),
        (over(secrets={"kafkaPassword": {"existingSecret": "kafka"}}), "kafkaPassword"),
        (with_settings(kafkaBootstrapServers="kafka"), "kafkaBootstrapServers"),
        (with_settings(kafkaBootstrapServers="kafka:65536"), "kafkaBootstrapServers"),
        (with_settings(kafkaBootstrapServers="kafka:9092,"), "kafkaBootstrapServers"),
        (with_settings(redisUrl="redis://redis:99999"), "redisUrl"),
        (with_settings(redisUrl="redis.news:6379"), "redisUrl"),
        (with_settings(namespaceBy="lang", namespaceValues="en;fr"), "namespaceValues"),
        (with_settings(inputFormat="scrappy"), "inputFormat"),
        (with_settings(indexGeneration="g 2"), "indexGeneration"),
        (with_settings(kafkaGroupId="g" * 256), "kafkaGroupId"),
        (over(keda={"bootstrapServers": "kafka"}), "bootstrapServers"),
        (over(warmUp={"until": "reprise"}), "until"),
        (over(warmUp={"learnFrom": "g 2"}), "learnFrom"),
        (over(nameOverride="Reprise"), "nameOverride"),
        (over(fullnameOverride="1-reprise"), "fullnameOverride"),
        (over(commonLabels={"team": "news desk"}), "commonLabels"),
        (over(podLabels={"-team": "news"}), "-team"),
        (over(image={"tag": "v1 latest"}), "tag"),
        (over(secrets={"redisPassword": {"existingSecret": "Redis_Password"}}), "existingSecret"),
        (over(serviceAccount={"name": "Worker"}), "serviceAccount"),
        (over(resources={"limits": {"memory": "1 GB"}}), "memory"),
        (over(strategy={"rollingUpdate": {"maxSurge": "a few"}}), "maxSurge"),
        (over(extraEnv=[{"name": "A B"}]), "extraEnv"),
        (over(metrics={"prometheusRule": {"alertLabels": {"my-team": "news"}}}), "my-team"),
        (over(image={"repo": "reprise"}), "repo"),
        (over(image={"digest": "latest"}), "digest"),
        (over(imagePullSecrets=["registry"]), "imagePullSecrets"),
        (over(keda={"enable": True}), "enable"),
        (over(keda={"behavior": {"scaledown": {}}}), "scaledown"),
        (over(keda={"minReplicas": 0}), "minReplicas"),
        (over(metrics={"podMonitor": {"interval": "often"}}), "interval"),
        (over(metrics={"serviceMonitor": {}}), "serviceMonitor"),
        (over(metrics={"prometheusRule": {"thresholds": {"lagArticle": 5}}}), "lagArticle"),
        (over(metrics={"prometheusRule": {"thresholds": {"latencyBucket": "10"}}}), "latencyBucket"),
        (over(metrics={"prometheusRule": {"thresholds": {"workloads": 'a"b'}}}), "workloads"),
        (over(networkPolicy={"kafka": {"port": [9092]}}), "port"),
        (over(podDisruptionBudget={"maxUnavailable": 0}), "maxUnavailable"),
        (over(podDisruptionBudget={"minAvailable": 1}), "minAvailable"),
        (over(podSecurityContext={"runAsUser": 0}), "runAsUser"),
        (over(securityContext={"readOnlyRootFileSystem": True}), "readOnlyRootFileSystem"),
        (over(resources={"request": {}}), "request"),
        (over(strategy={"rollingUpdate": {"surge": 1}}), "surge"),
        (over(topics={"partition": 6}), "partition"),
        (over(tolerations=[{"keys": "news"}]), "keys"),
        (over(extraEnv=[{"name": "A", "val": "b"}]), "val"),
    ],
)
def test_the_schema_refuses_invalid_values(helm: Helm, values: dict[str, Any], named: str) -> None:
    """Helm fails before it sends anything, and names a typo, a value out of bounds or a secret in plain text."""
    with pytest.raises(ValueError, match="values don't meet the specifications") as caught:
        helm.render(values=values)
    assert named in str(caught.value)


SASL = {"kafkaSecurityProtocol": "SASL_SSL", "kafkaSaslMechanism": "PLAIN", "kafkaSaslUsername": "reprise"}


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ({}, ["settings.kafkaBootstrapServers: is required", "settings.redisUrl: is required"]),
        (
            over(secrets={"redisUrl": {"existingSecret": "redis"}}),
            ["secrets.redisUrl: settings.redisUrl is set as well"],
        ),
        (with_settings(**SASL), ["settings.kafkaSecurityProtocol: SASL_SSL needs"]),
        (over(keda={"enabled": True, "minReplicas": 9}), ["keda.minReplicas: is more than keda.maxReplicas"]),
        (
            over(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
            ["strategy.rollingUpdate: maxSurge and maxUnavailable cannot both be 0"],
        ),
        (
            with_settings(namespaceBy="field:edition", namespaceValues=",".join(map(str, range(33)))),
            ["settings.namespaceValues: more than 32 values"],
        ),
    ],
)
def test_the_templates_refuse_missing_and_contradicting_values(
    helm: Helm, values: dict[str, Any], lines: list[str]
) -> None:
    """One failure lists every error that the schema cannot express."""
    with pytest.raises(ValueError, match="execution error") as caught:
        helm.render(values=values)
    for line in lines:
        assert line in str(caught.value)


@pytest.mark.parametrize("environment", [environment for environment, _ in CONFLICTS])
def test_the_chart_refuses_conflicts_that_a_worker_refuses(helm: Helm, environment: dict[str, str]) -> None:
    """Each combination that a worker refuses at its start is refused by Helm before it sends anything."""
    settings = {**REQUIRED_VALUES["settings"]}
    secrets = {}
    for variable, value in environment.items():
        name = value_name(variable)
        if name == "kafkaSaslPassword":
            secrets[name] = {"existingSecret": "kafka" if value else ""}
        else:
            settings[name] = yaml.safe_load(value)
    with pytest.raises(ValueError, match="execution error") as caught:
        helm.render(values={"settings": settings, "secrets": secrets})
    named = [value_name(variable) for variable in environment]
    assert any(f"settings.{name}: " in str(caught.value) for name in [*named, "kafkaSecurityProtocol", "namespaceBy"])


@pytest.mark.parametrize("release", ["1news", "news.fr"])
def test_a_release_name_that_no_service_may_have_is_refused(helm: Helm, release: str) -> None:
    """Helm accepts it, but the API server would refuse the Service after the ConfigMap was changed."""
    done = helm.run("template", release, CHART, "--kube-version", helm.kubernetes, values=REQUIRED_VALUES)
    assert "the name of a Service begins with a letter and has no dot; set fullnameOverride" in done.stderr
    values = {**REQUIRED_VALUES, "fullnameOverride": "news"}
    assert helm.run("template", release, CHART, "--kube-version", helm.kubernetes, values=values).returncode == 0


@pytest.mark.parametrize(
    "value",
    [
        *("kafka:9092", " a:1 , b:65535", "[::1]:9092", "10.0.0.1:9092,10.0.0.2:9092"),
        *("kafka", "kafka:0", "kafka:65536", "kafka:9092,", ",", "a b:1", "kafka:9092/x", "[::1]", "kafka:09092"),
    ],
)
def test_schema_and_worker_agree_on_brokers(value: str) -> None:
    """The pattern of the schema is that of the worker."""
    (setting,) = (each for each in chart_settings() if each.name == "kafkaBootstrapServers")
    try:
        load({"REPRISE_KAFKA_BOOTSTRAP_SERVERS": value})
        is_valid = True
    except UsageError:
        is_valid = False
    assert Draft7Validator(dict(setting.schema)).is_valid(value) is is_valid


@pytest.mark.parametrize("setting", [each for each in chart_settings() if each.in_settings], ids=lambda each: each.name)
def test_each_text_setting_has_a_pattern_or_a_closed_set(setting: ChartSetting) -> None:
    """Exceptions are texts that any characters may form, and paths of files, which only the pod can check."""
    texts = {"kafkaGroupId", "kafkaSaslUsername", "inputFields"}
    kind = setting.schema["type"]
    if "string" in kind and not setting.is_path and setting.name not in texts:
        assert {"enum", "pattern"} & setting.schema.keys()
    elif kind in ("integer", "number"):
        bounds = setting.schema.keys() & {"minimum", "exclusiveMinimum"}, setting.schema.keys() & {"maximum"}
        assert all(bounds), setting.schema
