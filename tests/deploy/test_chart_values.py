from typing import Any

import pytest

from tests.deploy.chart import REQUIRED_VALUES, Helm


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
