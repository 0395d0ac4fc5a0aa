"""The chart on a real API server with its controllers. No node takes pods: admitted ones stay Pending."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from deploy.helm.chart_settings import CHART
from tests.deploy.chart import CASES, RELEASE, REQUIRED_VALUES, Helm, case_file
from tests.deploy.cluster import Cluster, open_cluster
from tests.deploy.operator_commands import NEEDS_NODE, operator_commands, prepare
from tests.deploy.tools import ToolMissing
from tests.support import unavailable, wait_until

#: Seconds for a controller to act; it usually takes one.
CONTROLLER_SECONDS = 60.0

#: Objects that the server creates in every namespace.
DEFAULT_OBJECTS = {"serviceaccount/default", "configmap/kube-root-ca.crt"}


@pytest.fixture(scope="module")
def cluster(crds: list[Path]) -> Iterator[Cluster]:
    """Yield a cluster with the custom resource definitions; remove those that this fixture added."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_cluster())
        except ToolMissing as error:
            unavailable("deploy", str(error))
        for path in crds:
            name = yaml.safe_load(path.read_text())["metadata"]["name"]
            if opened.attempt("get", "crd", name).returncode:
                opened.run("create", "-f", str(path))
                stack.callback(opened.run, "delete", "crd", name)
            wait_until(partial(_is_established, opened, name), CONTROLLER_SECONDS, f"the definition {name}")
        yield opened


def _is_established(cluster: Cluster, definition: str) -> bool:
    """Return whether the server serves a custom resource. `kubectl wait` fails at once before there is a status."""
    command = ("wait", "--for=condition=Established", f"crd/{definition}", "--timeout=5s")
    return cluster.attempt(*command).returncode == 0


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Yield a namespace that admits only pods of the restricted standard, and warns of others."""
    name = f"reprise-{uuid4().hex[:8]}"
    cluster.run("create", "namespace", name)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    try:
        cluster.run("label", "namespace", name, *levels)
        wait_until(
            lambda: cluster.object_names(name) >= DEFAULT_OBJECTS,
            CONTROLLER_SECONDS,
            "the default objects of the namespace",
        )
        yield name
    finally:
        cluster.run("delete", "namespace", name, "--wait=false")


class Release:
    """One release of the chart in a namespace."""

    def __init__(self, helm: Helm, cluster: Cluster, namespace: str) -> None:
        self._helm = helm
        self._cluster = cluster
        self._namespace = namespace

    def call(self, command: str, *arguments: str | Path, values: Mapping[str, Any] | None = None) -> str:
        """Run a command of Helm on the release. Raises RuntimeError with its error output."""
        place = ["--namespace", self._namespace, "--kubeconfig", self._cluster.kubeconfig]
        done = self._helm.run(command, RELEASE, *arguments, *place, values=values)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def deploy(self, command: str, case: str, **values: Any) -> str:
        """Install or upgrade with the values of a case; `values` take precedence."""
        return self.call(command, CHART, "--values", case_file(case), values={"topics": {"create": False}, **values})

    def pods(self, selector: str = "app.kubernetes.io/component=worker") -> list[Mapping[str, Any]]:
        """Return the admitted pods."""
        return self._cluster.get("pods", self._namespace, "-l", selector)

    def revisions(self) -> dict[str, str]:
        """Return the checksum of the settings for each revision of the Deployment."""
        checksums = {}
        for replica_set in self._cluster.get("replicasets", self._namespace):
            checksum = replica_set["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            checksums[replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]] = checksum
        return checksums


@pytest.fixture
def release(helm: Helm, cluster: Cluster, namespace: str) -> Release:
    return Release(helm, cluster, namespace)


def test_a_release_is_upgraded_rolled_back_and_removed(release: Release, cluster: Cluster, namespace: str) -> None:
    """With every feature enabled. Only changed settings make a new revision; uninstalling removes all objects."""
    before = cluster.object_names(namespace)
    release.deploy("install", "everything")
    wait_until(release.pods, CONTROLLER_SECONDS, "the first pod")
    kinds = {name.partition("/")[0] for name in cluster.object_names(namespace) - before}
    assert kinds >= {
        "configmap",
        "deployment.apps",
        "networkpolicy.networking.k8s.io",
        "pod",
        "poddisruptionbudget.policy",
        "podmonitor.monitoring.coreos.com",
        "prometheusrule.monitoring.coreos.com",
        "scaledobject.keda.sh",
        "service",
        "serviceaccount",
        "triggerauthentication.keda.sh",
    }
    first = release.revisions()
    assert first.keys() == {"1"}

    release.deploy("upgrade", "everything", settings={"logLevel": "debug"})
    wait_until(lambda: len(release.pods()) == 2, CONTROLLER_SECONDS, "a pod of the second revision")
    second = release.revisions()
    assert second.keys() == {"1", "2"}
    assert second["1"] != second["2"]

    release.deploy("upgrade", "everything", settings={"logLevel": "debug"}, metrics={"podMonitor": {"interval": "20s"}})
    assert release.revisions() == second

    release.call("rollback", "1")
    wait_until(lambda: "3" in release.revisions(), CONTROLLER_SECONDS, "the first revision as the third")
    assert release.revisions() == {"2": second["2"], "3": first["1"]}

    release.call("uninstall", "--wait")
    wait_until(lambda: cluster.object_names(namespace) == before, CONTROLLER_SECONDS, "an empty namespace")


@pytest.mark.parametrize(
    ("case", "workload", "workers"),
    [
        ("minimal", "deployment/reprise", 2),
        ("static-membership", "statefulset/deduplication", 3),
        ("tls-sasl", "deployment/reprise", 2),
    ],
)
def test_the_workers_are_admitted(
    release: Release, cluster: Cluster, namespace: str, case: str, workload: str, workers: int
) -> None:
    """All replicas pass the restricted standard, and the notes contain the command for the rollout's status."""
    before = cluster.object_names(namespace)
    cluster.run("create", "serviceaccount", "news", "-n", namespace)
    notes = release.deploy("install", case)
    assert f"-n {namespace} rollout status {workload}" in notes
    assert cluster.run("get", workload, "-n", namespace, "-o", "name")
    wait_until(lambda: len(release.pods()) == workers, CONTROLLER_SECONDS, f"{workers} pods")
    assert {each["status"]["phase"] for each in release.pods()} == {"Pending"}
    release.call("uninstall", "--wait")
    cluster.run("delete", "serviceaccount", "news", "-n", namespace)
    wait_until(lambda: cluster.object_names(namespace) == before, CONTROLLER_SECONDS, "an empty namespace")


@pytest.mark.parametrize("case", CASES)
def test_the_server_accepts_every_object_without_a_warning(
    helm: Helm, cluster: Cluster, namespace: str, case: str
) -> None:
    """Also hooks and custom resources. The server warns of unknown fields and of pods that are not restricted."""
    render = helm.render(case).replace("namespace: news", f"namespace: {namespace}")
    cluster.run("create", "serviceaccount", "news", "-n", namespace)
    cluster.run("create", "serviceaccount", "reprise", "-n", namespace)
    cluster.run("create", "serviceaccount", "reprise-worker", "-n", namespace)
    done = cluster.attempt("create", "--dry-run=server", "-f", "-", stdin=_without_service_accounts(render))
    assert (done.returncode, done.stderr) == (0, "")


def _without_service_accounts(render: str) -> str:
    """Return the render without service accounts, which must exist before the pods of a dry run."""
    objects = [each for each in yaml.safe_load_all(render) if each and each["kind"] != "ServiceAccount"]
    return str(yaml.safe_dump_all(objects))


def test_the_topics_job_runs_before_the_workers(release: Release, cluster: Cluster, namespace: str) -> None:
    """The job's pod is admitted. Until the job is complete, no other object of the release exists."""
    with pytest.raises(RuntimeError, match="pre-install"):
        release.call("install", CHART, "--values", case_file("dev"), "--timeout", "5s")
    wait_until(lambda: release.pods("app.kubernetes.io/component=topics"), CONTROLLER_SECONDS, "the job's pod")
    assert not cluster.get("deployments", namespace)


def test_an_unrestricted_pod_is_refused(release: Release, cluster: Cluster, namespace: str) -> None:
    """The tests above can fail: the namespace refuses pods that may gain privileges."""
    release.deploy("install", "minimal", securityContext={"allowPrivilegeEscalation": True})

    def refused() -> bool:
        (deployment,) = cluster.get("deployments", namespace)
        conditions = {each["type"]: each for each in deployment.get("status", {}).get("conditions", ())}
        return "violates PodSecurity" in conditions.get("ReplicaFailure", {}).get("message", "")

    wait_until(refused, CONTROLLER_SECONDS, "the refusal")
    assert not release.pods()


@pytest.mark.parametrize(
    ("correct", "mistyped"),
    [
        ("maxReplicaCount: 12", "maxReplicaCount: many"),
        ("podMetricsEndpoints:", "podMetricEndpoints:"),
        ("alert:", "alarm:"),
    ],
)
def test_the_custom_resource_definitions_refuse_a_typo(
    helm: Helm, cluster: Cluster, namespace: str, correct: str, mistyped: str
) -> None:
    """The test above can fail for custom resources: a wrong value or field is refused."""
    render = helm.render("everything").replace("namespace: news", f"namespace: {namespace}")
    assert correct in render
    custom = [
        each
        for each in yaml.safe_load_all(render)
        if each and each["kind"] in {"ScaledObject", "PodMonitor", "PrometheusRule"}
    ]
    objects = yaml.safe_dump_all(custom, width=10_000).replace(correct, mistyped)
    assert mistyped in objects
    assert cluster.attempt("create", "--dry-run=server", "-f", "-", stdin=objects).returncode == 1


def test_a_deployment_becomes_a_stateful_set_and_back(release: Release, cluster: Cluster, namespace: str) -> None:
    """One upgrade replaces the kind of the workload; the other objects stay."""
    release.deploy("install", "minimal")
    others = {name for name in cluster.object_names(namespace) if name.startswith(("service/", "configmap/"))}
    for is_static, kinds in ((True, {"statefulset.apps/reprise"}), (False, {"deployment.apps/reprise"})):
        release.deploy("upgrade", "minimal", staticMembership={"enabled": is_static})

        def has_changed(wanted: frozenset[str] = frozenset(kinds)) -> bool:
            names = cluster.object_names(namespace)
            return {name for name in names if name.startswith(("deployment", "statefulset"))} == wanted

        wait_until(has_changed, CONTROLLER_SECONDS, f"only {kinds}")
    assert others <= cluster.object_names(namespace)


def test_the_commands_of_the_operating_pages_are_accepted(
    release: Release, helm: Helm, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Every kubectl and helm command, on two releases as in an upgrade. Upgrades are dry runs on the server.

    A command that needs a pod that runs reaches its pods and fails only because there is no node.
    """
    login = {"kafkaSecurityProtocol": "SASL_SSL", "kafkaSaslMechanism": "PLAIN", "kafkaSaslUsername": "reprise"}
    secrets = {"kafkaSaslPassword": {"existingSecret": "kafka"}}
    values = {"settings": {**REQUIRED_VALUES["settings"], **login}, "secrets": secrets}
    (tmp_path / "my-values.yaml").write_text(yaml.safe_dump(values))
    for name in ("reprise", "reprise-g2"):
        for command in ("install", "upgrade"):  # two revisions, so that a rollback has a target
            arguments = [name, CHART, "--values", tmp_path / "my-values.yaml", "--namespace", namespace]
            done = helm.run(command, *arguments, "--kubeconfig", cluster.kubeconfig)
            assert done.returncode == 0, done.stderr
    selector = "app.kubernetes.io/component=worker"
    wait_until(lambda: len(release.pods(selector)) == 4, CONTROLLER_SECONDS, "the pods of both releases")
    pod = release.pods(selector)[0]["metadata"]["name"]
    (tmp_path / "deploy").symlink_to(CHART.parents[1])
    path = os.pathsep.join([str(helm.program.parent), str(Path(cluster.kubectl).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "KUBECONFIG": cluster.kubeconfig, "ns": namespace}
    failed = []
    for command in operator_commands():
        script = prepare(command).replace("POD", pod)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=CONTROLLER_SECONDS,
            check=False,
        )
        if done.returncode and not NEEDS_NODE.search(done.stderr):
            failed.append(f"{script}\n{done.stderr}")
    assert not failed, "\n".join(failed)
