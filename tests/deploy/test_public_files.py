"""The files for GitHub and PyPI: workflows, forms, the release's checks, the changelog."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.helm.chart_settings import CHART
from deploy.release import TOP, ReleaseError, release_notes, release_version
from tests.deploy import tools
from tests.support import unavailable

GITHUB: Final = TOP / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yaml"))
ACTIONS: Final = sorted((GITHUB / "actions").glob("*/action.yaml"))

#: Seconds for a linter on a few files.
LINT_SECONDS: Final = 60.0

#: A major version, the release branch of PyPI's own action, or a commit.
PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@(v\d+|release/v\d+|[0-9a-f]{40})")


def load(path: Path) -> dict[str, Any]:
    """Return a YAML file; its key `on` would else become the boolean True."""
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in loaded.items()}


def steps(path: Path) -> list[dict[str, Any]]:
    """Return the steps of a workflow or an action."""
    content = load(path)
    jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
    return [step for job in jobs for step in job.get("steps", ())]


def test_actionlint_accepts_the_workflows() -> None:
    """Syntax, expressions, inputs of well-known actions, and shell variables are right."""
    try:
        program = tools.tool(tools.ACTIONLINT)
    except tools.ToolMissing as error:
        unavailable("deploy", str(error))
    # Without shellcheck and pyflakes, which one machine has and another has not.
    command = [str(program), "-shellcheck=", "-pyflakes=", *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=LINT_SECONDS, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("github-workflows", path) for path in WORKFLOWS),
        *(("github-actions", path) for path in ACTIONS),
        ("dependabot", GITHUB / "dependabot.yml"),
        ("github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml"),
        ("github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "bug.yml"),
        ("github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "feature.yml"),
        ("compose-spec", TOP / "deploy" / "compose" / "compose.yaml"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_files_match_their_published_schemas(schema: str, path: Path) -> None:
    """check-jsonschema brings the schemas along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LINT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_least_permissions_and_limits(path: Path) -> None:
    """By default a job may only read the repository. Each job has a time limit, each workflow a concurrency group."""
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert path.stem in workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + "/" + path.name)
def test_actions_are_pinned_and_scripts_take_no_expressions(path: Path) -> None:
    """An expression in a script would be a way to inject commands: values reach scripts as environment variables."""
    for step in steps(path):
        if "uses" in step and not step["uses"].startswith("./"):
            assert PINNED.fullmatch(step["uses"]), step["uses"]
        assert "${{" not in step.get("run", "")


def test_the_tests_run_on_every_supported_python() -> None:
    """The matrix and the classifiers list the same versions, from `requires-python` on."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: 3."
    classified = [each.rpartition(" ")[2] for each in project["classifiers"] if each.startswith(prefix)]
    matrix = load(GITHUB / "workflows" / "test.yaml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == classified
    assert project["requires-python"] == f">={matrix[0]}"


def test_the_sources_agree_on_the_version() -> None:
    """The package and the chart have one version, since they are released together."""
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    chart = load(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (version, version)
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    repository = load(CHART / "values.yaml")["image"]["repository"]
    assert image["image"] == f"{repository}:{version}"


def sources(folder: Path, *, chart: str = "1.2.3", changelog: str = "## [1.2.3] - 2026-12-01") -> Path:
    """Write the files that the release's checks read."""
    (folder / "deploy/helm/reprise").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (folder / "deploy/helm/reprise/Chart.yaml").write_text(f'version: {chart}\nappVersion: "{chart}"\n')
    (folder / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## [Unreleased]\n\n{changelog}\n\n### Added\n\n- A thing.\n\n## [1.2.2]\n\n- Another.\n\n"
        "[1.2.3]: https://example.com\n"
    )
    return folder


def test_a_release_needs_one_version_everywhere(tmp_path: Path) -> None:
    """The tag, the package, the chart and the changelog agree."""
    assert release_version("v1.2.3", sources(tmp_path)) == "1.2.3"
    with pytest.raises(ReleaseError) as caught:
        release_version("v1.2.4", tmp_path)
    assert str(caught.value).splitlines() == [
        "pyproject.toml, project.version: 1.2.3, not 1.2.4",
        "Chart.yaml, version: 1.2.3, not 1.2.4",
        "Chart.yaml, appVersion: 1.2.3, not 1.2.4",
        "CHANGELOG.md: no section 1.2.4",
    ]


def test_the_notes_are_the_versions_section(tmp_path: Path) -> None:
    """Neither its heading nor the next section is part of them."""
    sources(tmp_path)
    assert release_notes("v1.2.3", tmp_path) == "### Added\n\n- A thing."
    assert release_notes("v1.2.2", tmp_path) == "- Another."
    assert release_notes("v9.9.9", tmp_path) == ""


def test_the_release_command_has_exit_codes(tmp_path: Path) -> None:
    """0 with the version, 1 where the sources disagree, 2 for wrong usage; it needs no package but Python's."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-S", "-m", "deploy.release", *arguments]
        return subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=LINT_SECONDS, check=False)

    assert run("version", "v0.0.0-none").returncode == 1
    assert run("notes", "v0.0.0-none").stdout == "\n"
    assert run().returncode == 2
