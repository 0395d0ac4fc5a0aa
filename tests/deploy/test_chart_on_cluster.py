"""The chart on a real API server with its controllers. There is no node: pods that are admitted stay Pending."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from deploy.helm.chart_settings import CHART
from tests.deploy.chart import CASES, RELEASE, Helm, case_file
from tests.deploy.cluster import Cluster, open_cluster
from tests.deploy.tools import ToolMissing
from tests.support import unavailable, wait_until

#: Seconds for a controller to act; one is usual.
SOON = 60.0

#: What the server itself puts into every namespace.
NATIVES = {"serviceaccount/default", "configmap/kube-root-ca.crt"}


@pytest.fixture(scope="module")
def cluster(crds: list[Path]) -> Iterator[Cluster]:
    """Give a cluster that knows the custom resources; those that it did not know go again."""
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
            opened.run("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
        yield opened


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Give a namespace where only pods of the restricted standard are admitted, and every other one is warned of."""
    name = f"reprise-{uuid4().hex[:8]}"
    cluster.run("create", "namespace", name)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    try:
        cluster.run("label", "namespace", name, *levels)
        wait_until(lambda: cluster.everything(name) >= NATIVES, SOON, "what the server puts into a namespace")
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
        """Run a command of Helm's on the release. Raises RuntimeError with its own words."""
        place = ["--namespace", self._namespace, "--kubeconfig", self._cluster.kubeconfig]
        done = self._helm.run(command, RELEASE, *arguments, *place, values=values)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def put(self, command: str, case: str, **values: Any) -> str:
        """Install or upgrade with the values of a case and these over them."""
        return self.call(command, CHART, "--values", case_file(case), values={"topics": {"create": False}, **values})

    def pods(self, selector: str = "app.kubernetes.io/component=worker") -> list[Mapping[str, Any]]:
        """Return the pods that were admitted."""
        return self._cluster.get("pods", self._namespace, "-l", selector)

    def revisions(self) -> dict[str, str]:
        """Return the checksum of the settings by the number of the Deployment's revision."""
        found = {}
        for each in self._cluster.get("replicasets", self._namespace):
            checksum = each["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            found[each["metadata"]["annotations"]["deployment.kubernetes.io/revision"]] = checksum
        return found


@pytest.fixture
def release(helm: Helm, cluster: Cluster, namespace: str) -> Release:
    return Release(helm, cluster, namespace)


def test_a_release_lives_and_leaves_nothing(release: Release, cluster: Cluster, namespace: str) -> None:
    """Install, an upgrade with other settings, one with the same, rollback, uninstall: everything on, nothing left."""
    before = cluster.everything(namespace)
    release.put("install", "everything")
    wait_until(release.pods, SOON, "the first pod")
    kinds = {name.partition("/")[0] for name in cluster.everything(namespace) - before}
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

    release.put("upgrade", "everything", settings={"logLevel": "debug"})
    wait_until(lambda: len(release.pods()) == 2, SOON, "a pod of the second revision")
    second = release.revisions()
    assert second.keys() == {"1", "2"}
    assert second["1"] != second["2"]

    release.put("upgrade", "everything", settings={"logLevel": "debug"}, metrics={"podMonitor": {"interval": "20s"}})
    assert release.revisions() == second

    release.call("rollback", "1")
    wait_until(lambda: "3" in release.revisions(), SOON, "the first revision as the third")
    assert release.revisions() == {"2": second["2"], "3": first["1"]}

    release.call("uninstall", "--wait")
    wait_until(lambda: cluster.everything(namespace) == before, SOON, "an empty namespace")


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
    """As many pods as asked for pass the restricted standard, and the notes name what to look at."""
    before = cluster.everything(namespace)
    cluster.run("create", "serviceaccount", "news", "-n", namespace)
    notes = release.put("install", case)
    assert f"-n {namespace} rollout status {workload}" in notes
    assert cluster.run("get", workload, "-n", namespace, "-o", "name")
    wait_until(lambda: len(release.pods()) == workers, SOON, f"{workers} pods")
    assert {each["status"]["phase"] for each in release.pods()} == {"Pending"}
    release.call("uninstall", "--wait")
    cluster.run("delete", "serviceaccount", "news", "-n", namespace)
    wait_until(lambda: cluster.everything(namespace) == before, SOON, "an empty namespace")


@pytest.mark.parametrize("case", CASES)
def test_the_server_takes_every_object_without_a_warning(
    helm: Helm, cluster: Cluster, namespace: str, case: str
) -> None:
    """Hooks and custom resources among them; a field that it does not know, or a pod less restricted, would be told."""
    render = helm.render(case).replace("namespace: news", f"namespace: {namespace}")
    cluster.run("create", "serviceaccount", "news", "-n", namespace)
    cluster.run("create", "serviceaccount", "reprise", "-n", namespace)
    cluster.run("create", "serviceaccount", "reprise-worker", "-n", namespace)
    done = cluster.attempt("create", "--dry-run=server", "-f", "-", told=_without_accounts(render))
    assert (done.returncode, done.stderr) == (0, "")


def _without_accounts(render: str) -> str:
    """Take the accounts out, which a pod of the same dry run needs to be there already."""
    objects = [each for each in yaml.safe_load_all(render) if each and each["kind"] != "ServiceAccount"]
    return yaml.safe_dump_all(objects)


def test_the_topics_come_before_the_workers(release: Release, cluster: Cluster, namespace: str) -> None:
    """The job's pod is admitted, and as long as it is not done nothing else of the release exists."""
    with pytest.raises(RuntimeError, match="pre-install"):
        release.call("install", CHART, "--values", case_file("dev"), "--timeout", "5s")
    wait_until(lambda: release.pods("app.kubernetes.io/component=topics"), SOON, "the job's pod")
    assert not cluster.get("deployments", namespace)


def test_a_pod_less_restricted_is_not_admitted(release: Release, cluster: Cluster, namespace: str) -> None:
    """The tests above can fail: the namespace turns a chart away whose pods may gain privileges."""
    release.put("install", "minimal", securityContext={"allowPrivilegeEscalation": True})

    def refused() -> bool:
        (deployment,) = cluster.get("deployments", namespace)
        conditions = {each["type"]: each for each in deployment.get("status", {}).get("conditions", ())}
        return "violates PodSecurity" in conditions.get("ReplicaFailure", {}).get("message", "")

    wait_until(refused, SOON, "the refusal")
    assert not release.pods()


@pytest.mark.parametrize(
    ("was", "mistyped"),
    [
        ("maxReplicaCount: 12", "maxReplicaCount: many"),
        ("podMetricsEndpoints:", "podMetricEndpoints:"),
        ("alert:", "alarm:"),
    ],
)
def test_the_operators_definitions_refuse_a_mistake(
    helm: Helm, cluster: Cluster, namespace: str, was: str, mistyped: str
) -> None:
    """The definitions are KEDA's and the operator's own: a wrong value or field of theirs is refused."""
    render = helm.render("everything").replace("namespace: news", f"namespace: {namespace}")
    assert was in render
    custom = [
        each
        for each in yaml.safe_load_all(render)
        if each and each["kind"] in {"ScaledObject", "PodMonitor", "PrometheusRule"}
    ]
    told = yaml.safe_dump_all(custom, width=10_000).replace(was, mistyped)
    assert mistyped in told
    assert cluster.attempt("create", "--dry-run=server", "-f", "-", told=told).returncode == 1
