import json
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest

from deploy.helm.chart_settings import CHART
from tests.deploy.chart import CASES, TOOL_SECONDS, Helm, case_file

GOLDEN = Path(__file__).parent / "golden"

#: The oldest Kubernetes that Chart.yaml allows, the one of the cluster tests, and the newest known one.
VERSIONS = ("1.27", "1.34", kubernetes_validate.latest_version())


@pytest.mark.parametrize("case", CASES)
def test_lint_finds_nothing(helm: Helm, case: str) -> None:
    """Helm's strict linter accepts the chart with every values file."""
    done = helm.run("lint", "--strict", "--quiet", CHART, "--values", case_file(case))
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_render_equals_the_golden_files(helm: Helm, case: str, request: pytest.FixtureRequest) -> None:
    """A render changes only on purpose: `make test-deploy ARGS=--renew-golden` writes the golden files anew."""
    directory, rendered = GOLDEN / case, _by_template(helm.render(case))
    if request.config.getoption("--renew-golden", default=False):
        directory.mkdir(parents=True, exist_ok=True)
        for file in directory.iterdir():
            file.unlink()
        for name, text in rendered.items():
            (directory / name).write_text(text)
    assert rendered == {file.name: file.read_text() for file in sorted(directory.iterdir())}


def test_every_golden_directory_has_its_values() -> None:
    """No golden directory is left over from a removed values file, and each of its files can be reviewed."""
    assert sorted(path.name for path in GOLDEN.iterdir()) == CASES
    assert max(len(file.read_text().splitlines()) for file in GOLDEN.glob("*/*.yaml")) < 500


def _by_template(render: str) -> dict[str, str]:
    """Return the documents of a render by the file name of their template, without the content of the dashboard."""
    documents: dict[str, str] = {}
    for document in render.split("---\n"):
        if source := re.match(r"# Source: .*/(\S+)\n", document):
            documents[source[1]] = documents.get(source[1], "") + f"---\n{document}"
    if dashboard := documents.get("dashboard.yaml"):
        head, _, _ = dashboard.partition("  reprise.json: ")
        documents["dashboard.yaml"] = f"{head}  reprise.json: as in files/dashboard.json\n"
    return dict(sorted(documents.items()))


def _kubeconform(program: Path, schemas: Path, render: str) -> "subprocess.CompletedProcess[str]":
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    return subprocess.run(
        [program, "-strict", "-schema-location", location, "-summary", "-output", "json"],
        input=render,
        capture_output=True,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("case", CASES)
def test_kubeconform_accepts_every_object(helm: Helm, kubeconform: Path, schemas: Path, case: str) -> None:
    """In strict mode, with the schemas of Kubernetes, KEDA and the Prometheus operator, without skipping any object."""
    done = _kubeconform(kubeconform, schemas, helm.render(case))
    report = json.loads(done.stdout)
    assert (done.returncode, report["resources"]) == (0, [])
    assert report["summary"]["valid"] == len(helm.objects(case).all)


@pytest.mark.parametrize(
    ("correct", "mistyped"),
    [
        ("minReadySeconds:", "minReadySecond:"),
        ("maxReplicaCount:", "maxReplicas:"),
        ("podMetricsEndpoints:", "endpoints:"),
    ],
)
def test_kubeconform_refuses_a_typo(helm: Helm, kubeconform: Path, schemas: Path, correct: str, mistyped: str) -> None:
    """The check above can fail, for Kubernetes' own objects and for custom resources."""
    render = helm.render("everything")
    assert correct in render
    assert _kubeconform(kubeconform, schemas, render.replace(correct, mistyped)).returncode == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_kubernetes_validate_accepts_every_object(helm: Helm, case: str, version: str) -> None:
    """A second validator, for the oldest and the newest supported Kubernetes."""
    for each in helm.objects(case).all:
        if each["apiVersion"].partition("/")[0] not in {"keda.sh", "monitoring.coreos.com"}:
            kubernetes_validate.validate(dict(each), version, strict=True)
