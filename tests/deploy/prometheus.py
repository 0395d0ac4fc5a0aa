"""A real Prometheus on loopback with an interval of one second, its API, and promtool for synthetic series."""

import json
import math
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.stack import free_port, run_child, tail, wait_until
from tests.support import unavailable

#: Seconds until Prometheus is ready; it usually takes one.
_START_SECONDS: Final = 30.0

#: Seconds for promtool to evaluate a few queries.
_TOOL_SECONDS: Final = 60.0

#: Seconds for a response with some hundred series.
_RESPONSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """The API of a Prometheus. Times are seconds since the epoch. Raises ValueError for a request that it refuses."""

    address: str

    def ready(self) -> bool:
        """Return whether Prometheus is ready."""
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=_RESPONSE_SECONDS):
                return True
        except OSError:
            return False

    def now(self, expr: str) -> list[float]:
        """Return the values of an instant query, one for each series."""
        result = self.request("query", query=expr)["result"]
        return [float(series["value"][1]) for series in result]

    def at(self, expr: str, time: float) -> list[Mapping[str, str]]:
        """Return the labels of each series of an instant query."""
        return [series["metric"] for series in self.request("query", query=expr, time=f"{time:.3f}")["result"]]

    def over(self, expr: str, start: float, end: float) -> list[Mapping[str, str]]:
        """Return the labels of each series with a finite value between two times."""
        matrix = self.request("query_range", query=expr, start=f"{start:.3f}", end=f"{end:.3f}", step="1")
        return [
            series["metric"]
            for series in matrix["result"]
            if any(math.isfinite(float(value)) for _, value in series["values"])
        ]

    def label_values(self, label: str, series: str) -> list[str]:
        """Return the values of a label of the selected series."""
        values: list[str] = self.request(f"label/{label}/values", **{"match[]": series})
        return values

    def request(self, path: str, **parameters: str) -> Any:
        """Return the data of a response."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}", timeout=_RESPONSE_SECONDS) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"{parameters}: {error.read().decode()}") from None


@contextmanager
def running_prometheus(targets: Sequence[Mapping[str, Any]], rules: Path, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus with static targets (`targets`, `labels`) and a file of rules; its data are in `folder`."""
    binary = shutil.which("prometheus")
    if binary is None:
        unavailable("deploy", "no prometheus; on Debian it is in the package prometheus")
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "reprise", "static_configs": list(targets)}],
    }
    file, log = folder / "prometheus.yaml", folder / "prometheus.log"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = [
        binary,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    with run_child(command, log):
        prometheus = Prometheus(address=f"http://{address}")
        try:
            wait_until(prometheus.ready, _START_SECONDS, "a ready Prometheus")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{tail(log)}") from None
        yield prometheus


def promtool_test(tests: Sequence[Mapping[str, Any]], folder: Path) -> str:
    """Run `promtool test rules` on synthetic series. Return its output if it fails, else an empty string."""
    binary = shutil.which("promtool")
    if binary is None:
        unavailable("deploy", "no promtool; on Debian it is in the package prometheus")
    file = folder / "promtool.yaml"
    file.write_text(json.dumps({"evaluation_interval": "15s", "tests": list(tests)}))
    done = subprocess.run(
        [binary, "test", "rules", file], capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""
