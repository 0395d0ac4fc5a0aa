import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.helm.alert_rules import plain_rules
from deploy.helm.chart_settings import CHART
from reprise import __version__
from tests.deploy.chart import CASES, NAMESPACE, RELEASE, REQUIRED_VALUES, Helm, case_file

TOP = CHART.parents[2]

#: The page of the runbook in the rules, which is also the chart's default.
RUNBOOK_URL = yaml.safe_load((CHART / "values.yaml").read_text())["metrics"]["prometheusRule"]["runbookUrl"]


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(helm: Helm, case: str) -> None:
    """Workers, job and test have a numeric user that is not root, a read-only file system, no capability, no token."""
    pods = list(helm.objects(case).pods())
    assert {kind for kind, _ in pods} >= {"Pod"}
    for kind, spec in pods:
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, kind
        assert context["runAsUser"] > 0, kind
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, kind
        assert spec["automountServiceAccountToken"] is False, kind
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, kind
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, kind
            assert "memory" in container["resources"]["limits"] or case == "dev", kind


@pytest.mark.parametrize("case", CASES)
def test_every_object_carries_the_recommended_labels(helm: Helm, case: str) -> None:
    """Each object names its namespace, so that `kubectl apply` of a render has the effect of an install."""
    for each in helm.objects(case).all:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels.keys() >= {f"app.kubernetes.io/{label}" for label in ("name", "version", "part-of", "managed-by")}
        assert each["metadata"]["namespace"] == NAMESPACE


@pytest.mark.parametrize("case", CASES)
def test_selectors_match_the_workers_only(helm: Helm, case: str) -> None:
    """Budget, service, monitor and workload select the workers, not the pods of the job and of the test."""
    objects = helm.objects(case)
    labels = objects.workload["spec"]["template"]["metadata"]["labels"]
    others = [each["metadata"]["labels"] for each in objects.of("Pod")]
    others += [each["spec"]["template"]["metadata"]["labels"] for each in objects.of("Job")]
    selectors: list[dict[str, str]] = [objects.workload["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in objects.of("PodDisruptionBudget")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in objects.of("PodMonitor")]
    selectors += [each["spec"]["selector"] for each in objects.of("Service")]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not any(selector.items() <= other.items() for other in others)
    for policy in objects.of("NetworkPolicy"):
        for each in (labels, *others):
            assert policy["spec"]["podSelector"]["matchLabels"].items() <= each.items()


def test_probes_have_their_paths(helm: Helm) -> None:
    """/livez does not depend on Kafka or Redis, so liveness and startup use it; readiness uses /readyz."""
    container = helm.objects("minimal").worker_pod["containers"][0]
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def test_a_changed_setting_replaces_the_pods(helm: Helm) -> None:
    """The checksum in the pods' annotations depends on the settings alone: a new label replaces no pod."""

    def checksum(values: dict[str, Any]) -> str:
        template = helm.objects(values=values).workload["spec"]["template"]
        found: str = template["metadata"]["annotations"]["checksum/config"]
        return found

    settings = REQUIRED_VALUES["settings"]
    first = checksum({"settings": settings})
    assert first == checksum({"settings": settings, "commonLabels": {"a": "b"}})
    assert first != checksum({"settings": {**settings, "logLevel": "debug"}})


def test_secrets_are_mounted_as_files(helm: Helm) -> None:
    """The ConfigMap holds only their paths."""
    objects = helm.objects("everything")
    mounted = next(each for each in objects.worker_pod["volumes"] if each["name"] == "secrets")
    files = {item["path"] for source in mounted["projected"]["sources"] for item in source["secret"]["items"]}
    environment = objects.environment()
    assert environment["REPRISE_KAFKA_SASL_PASSWORD_FILE"] == "/etc/reprise/secrets/kafka-sasl-password"
    assert environment["REPRISE_KAFKA_SSL_CAFILE"] == "/etc/reprise/secrets/kafka-ssl-cafile"
    paths = {Path(value).name for value in environment.values() if value.startswith("/etc/reprise/secrets/")}
    assert paths == files
    assert objects.worker_pod["containers"][0]["volumeMounts"][0]["mountPath"] == "/etc/reprise/secrets"
    assert not objects.of("Secret")


@pytest.mark.parametrize(
    ("redis_url", "port"),
    [
        ("redis://redis", 6379),
        ("rediss://user@redis:6380/1", 6380),
        ("redis://[::1]:7000", 7000),
        ("unix:///run/redis.sock", None),
    ],
)
def test_the_network_policy_follows_the_addresses(helm: Helm, redis_url: str, port: int | None) -> None:
    """Egress allows DNS and the ports of Kafka and Redis, each once."""
    settings = {"kafkaBootstrapServers": "a:9092, b:9094,[::1]:9092", "redisUrl": redis_url}
    (policy,) = helm.objects(values={"settings": settings}).of("NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    ports = [rule["port"] for each in policy["spec"]["egress"] for rule in each["ports"]]
    assert ports == [53, 53, 9092, 9094, *([port] if port else []), 9464]
    assert [rule["port"] for each in policy["spec"]["ingress"] for rule in each["ports"]] == [9464]


def test_keda_has_the_settings_of_the_worker(helm: Helm) -> None:
    """Group, topic and credentials are the worker's, every value is a string, and only KEDA sets the replicas."""
    objects = helm.objects("everything")
    (scaled,) = objects.of("ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    environment = objects.environment()
    metadata = trigger["metadata"]
    assert all(isinstance(value, str) for value in metadata.values())
    assert metadata["consumerGroup"] == environment["REPRISE_KAFKA_GROUP_ID"]
    assert metadata["topic"] == environment["REPRISE_TOPIC_ARTICLES"]
    assert metadata["offsetResetPolicy"] == environment["REPRISE_KAFKA_AUTO_OFFSET_RESET"]
    assert (metadata["tls"], metadata["sasl"]) == ("enable", "plaintext")
    assert "replicas" not in objects.workload["spec"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == objects.workload["metadata"]["name"]
    (authentication,) = objects.of("TriggerAuthentication")
    assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    assert {each["parameter"] for each in authentication["spec"]["secretTargetRef"]} == {
        "password",
        "ca",
        "cert",
        "key",
    }
    (user,) = authentication["spec"]["env"]
    assert user["name"] in environment
    assert user["containerName"] == objects.worker_pod["containers"][0]["name"]


def test_static_members_have_stable_names(helm: Helm) -> None:
    """The workload is a StatefulSet, and the pods' names are their group instance ids, also with KEDA."""
    objects = helm.objects("static-membership", {"keda": {"enabled": True}})
    assert objects.workload["kind"] == "StatefulSet"
    (scaled,) = objects.of("ScaledObject")
    assert scaled["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"
    (named,) = objects.worker_pod["containers"][0]["env"]
    assert named["name"] == "REPRISE_KAFKA_GROUP_INSTANCE_ID"
    assert named["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_the_alerts_are_those_of_the_rules_file(helm: Helm) -> None:
    """They have the default thresholds. The values may add labels to the alerts and replace the runbook's page."""
    text = plain_rules()
    (plain,) = helm.objects(values={**REQUIRED_VALUES, "metrics": {"prometheusRule": {"enabled": True}}}).of(
        "PrometheusRule"
    )
    assert plain["spec"]["groups"] == yaml.safe_load(text)["groups"]
    groups = yaml.safe_load(text.replace(RUNBOOK_URL, "https://wiki.example/reprise-runbook"))["groups"]
    for group in groups:
        for each in group["rules"]:
            if "alert" in each:
                each["labels"] = {**each["labels"], "team": "news"}
    (rule,) = helm.objects("everything").of("PrometheusRule")
    assert rule["spec"]["groups"] == groups


def test_a_command_job_has_its_own_login(helm: Helm) -> None:
    """Its settings and secrets replace those of the workers. Without arguments there is no Job."""
    assert all(not each["metadata"]["name"].endswith("-command") for each in helm.objects("tls-sasl").all)
    command = {
        "args": ["dead", "redrive", "--reason", "not_json"],
        "settings": {"kafkaSaslUsername": "operator"},
        "secrets": {"kafkaSaslPassword": {"existingSecret": "kafka-operator"}},
    }
    objects = helm.objects("tls-sasl", {"commandJob": command})
    (job,) = objects.of("Job")
    assert job["spec"]["backoffLimit"] == 0
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["args"] == command["args"]
    assert objects.environment("Job")["REPRISE_KAFKA_SASL_USERNAME"] == "operator"
    assert objects.environment()["REPRISE_KAFKA_SASL_USERNAME"] != "operator"
    secrets = [source["secret"]["name"] for each in spec["volumes"] for source in each["projected"]["sources"]]
    assert "kafka-operator" in secrets
    workers = [source for each in objects.worker_pod["volumes"] for source in each["projected"]["sources"]]
    assert "kafka-operator" not in {source["secret"]["name"] for source in workers}
    worker_context = objects.worker_pod["containers"][0]["securityContext"]
    assert container["securityContext"] == worker_context
    assert spec["securityContext"] == objects.worker_pod["securityContext"]


def test_alerts_can_be_disabled_and_tuned(helm: Helm) -> None:
    """A threshold replaces its default in every expression and text; recording rules remain."""
    rules = {
        "enabled": True,
        "disabled": ["RepriseNoArticles", "RepriseAbsent"],
        "thresholds": {"lagArticles": 1_500_000, "absentLookback": "6h", "latencyBucket": "2.5"},
    }
    (rule,) = helm.objects(values={**REQUIRED_VALUES, "metrics": {"prometheusRule": rules}}).of("PrometheusRule")
    rendered = {
        each.get("alert", each.get("record")): each for group in rule["spec"]["groups"] for each in group["rules"]
    }
    plain = [each for group in yaml.safe_load(plain_rules())["groups"] for each in group["rules"]]
    names = {each.get("alert", each.get("record")) for each in plain}
    assert names - rendered.keys() == {"RepriseNoArticles", "RepriseAbsent"}
    assert "> 1500000 and" in rendered["RepriseLagGrowing"]["expr"]
    assert "[6h]" in rendered["RepriseReleaseAbsent"]["expr"]
    assert 'le="2.5"' in rendered["reprise:slow_ratio:rate1h"]["expr"]
    assert "longer than 2.5 s" in rendered["RepriseLatencyBudgetFast"]["annotations"]["summary"]
    unknown = {**rules, "disabled": ["RepriseNoSuchAlert"]}
    with pytest.raises(ValueError, match="no alert RepriseNoSuchAlert; the alerts are RepriseAbsent, "):
        helm.render(values={**REQUIRED_VALUES, "metrics": {"prometheusRule": unknown}})


def test_a_release_that_warms_up_renders_no_alerts_and_no_dashboard(helm: Helm) -> None:
    """It is installed with the values of the release before it, which renders both for all releases."""
    metrics = {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
    objects = helm.objects(values={**REQUIRED_VALUES, "metrics": metrics, "warmUp": {"until": "group:reprise"}})
    assert not objects.of("PrometheusRule")
    assert not [each for each in objects.of("ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]]


def test_the_dashboard_is_the_dashboards_file(helm: Helm) -> None:
    """It has the label that Grafana's sidecar selects, and its size fits a ConfigMap."""
    (dashboard,) = (
        each for each in helm.objects("everything").of("ConfigMap") if each["metadata"]["name"].endswith("-dashboard")
    )
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    text = dashboard["data"]["reprise.json"]
    assert json.loads(text) == json.loads((CHART / "files" / "dashboard.json").read_text())
    assert len(text) < 1_000_000


def test_the_package_renders_like_the_folder(helm: Helm, tmp_path: Path) -> None:
    """`helm package` includes all files that a render needs. The image's default tag is the worker's version."""
    packed = helm.run("package", CHART, "--destination", tmp_path)
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("reprise-*.tgz")
    case = ["--namespace", NAMESPACE, "--kube-version", helm.kubernetes, "--values", str(case_file("everything"))]
    assert helm.run("template", RELEASE, archive, *case).stdout == helm.render("everything")
    image = helm.objects("minimal").worker_pod["containers"][0]["image"]
    assert image == f"ghcr.io/reprise-dedup/reprise:{__version__}"


def test_there_is_one_copy_of_the_dashboard() -> None:
    """Grafana's folder links into the chart, since Helm packages no files outside of it."""
    dashboard = CHART / "files" / "dashboard.json"
    assert (TOP / "deploy" / "grafana" / "reprise.json").resolve() == dashboard
    assert not dashboard.is_symlink()
