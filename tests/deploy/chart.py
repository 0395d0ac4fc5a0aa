"""Helpers for tests of the chart: its values files, its renders, and the environment of a rendered container."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.helm.chart_settings import CHART

CASES: Final = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))

#: The values without which the chart does not render.
REQUIRED_VALUES: Final[Mapping[str, Any]] = {
    "settings": {"kafkaBootstrapServers": "kafka:9092", "redisUrl": "redis://redis:6379/0"}
}

RELEASE: Final = "reprise"
NAMESPACE: Final = "news"

#: Seconds for one call of a tool that reads local files only.
TOOL_SECONDS: Final = 60.0


def case_file(case: str) -> Path:
    """Return the path of a case's values file."""
    return CHART / "ci" / f"{case}-values.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """The Helm program; `kubernetes` is the version of Kubernetes to render for."""

    program: Path
    kubernetes: str

    def run(
        self, *arguments: str | Path, values: Mapping[str, Any] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command. `values` take precedence over the files among the arguments."""
        command = [str(self.program), *map(str, arguments), *([] if values is None else ["--values", "-"])]
        text = None if values is None else json.dumps(values)
        return subprocess.run(
            command, input=text or "", capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
        )

    def render(self, case: str | None = None, values: Mapping[str, Any] | None = None) -> str:
        """Return the rendered YAML of a case's file, of values, or of both. Raises ValueError with Helm's error."""
        arguments: list[str | Path] = ["template", RELEASE, CHART, "--namespace", NAMESPACE]
        arguments += ["--kube-version", self.kubernetes]
        arguments += [] if case is None else ["--values", case_file(case)]
        done = self.run(*arguments, values=values)
        if done.returncode:
            raise ValueError(done.stderr)
        return done.stdout

    def objects(self, case: str | None = None, values: Mapping[str, Any] | None = None) -> "Objects":
        """Return the objects of a render."""
        return Objects(all=[each for each in yaml.safe_load_all(self.render(case, values)) if each])


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The objects of one render."""

    all: Sequence[Mapping[str, Any]]

    def of(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """Return the objects of a kind."""
        return [each for each in self.all if each["kind"] == kind]

    def one(self, kind: str) -> Mapping[str, Any]:
        """Return the only object of a kind, without the dashboard. Raises ValueError."""
        (found,) = (each for each in self.of(kind) if "grafana_dashboard" not in each["metadata"]["labels"])
        return found

    @property
    def workload(self) -> Mapping[str, Any]:
        """The Deployment or StatefulSet."""
        (found,) = [*self.of("Deployment"), *self.of("StatefulSet")]
        return found

    @property
    def worker_pod(self) -> Mapping[str, Any]:
        """The spec of the workers' pods."""
        spec: Mapping[str, Any] = self.workload["spec"]["template"]["spec"]
        return spec

    def pods(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the spec of every pod, with the kind of its owner."""
        for each in self.all:
            if each["kind"] == "Pod":
                yield "Pod", each["spec"]
            elif "template" in each.get("spec", {}):
                yield each["kind"], each["spec"]["template"]["spec"]

    def environment(self, kind: str | None = None) -> dict[str, str]:
        """Return the REPRISE_ variables of the first container: of the workers' pod, or of the pod of a kind."""
        spec = self.worker_pod if kind is None else dict(self.pods())[kind]
        container = spec["containers"][0]
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            if "configMapRef" in source:
                name = source["configMapRef"]["name"]
                (named,) = (each for each in self.of("ConfigMap") if each["metadata"]["name"] == name)
                found |= named["data"]
        found |= {each["name"]: each.get("value", "") for each in container.get("env", ())}
        return {name: value for name, value in found.items() if name.startswith("REPRISE_")}
