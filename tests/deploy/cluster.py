"""A Kubernetes API server for the tests, and kubectl.

REPRISE_KUBECONFIG is the kubeconfig of an existing cluster. The cluster needs no node; if it has nodes, cordon them,
since the tests expect Pending pods. The tests delete everything that they create. If the variable is unset, `kube/up`
in the folder of REPRISE_SHARED (`../shared` if unset) starts an empty control plane.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.deploy.tools import ToolMissing

_TOP: Final = Path(__file__).resolve().parents[2]

#: Seconds to start the control plane; building it takes eight minutes.
_START_SECONDS: Final = 1200.0

#: Seconds for one call; a deletion waits for controllers.
_CALL_SECONDS: Final = 120.0

#: Kinds that controllers create at any time and that no test deletes.
_IGNORED_KINDS: Final = frozenset({"events", "events.events.k8s.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster, accessed with kubectl."""

    kubectl: str
    kubeconfig: str

    def attempt(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run kubectl and return its result, also if it fails."""
        return subprocess.run(
            [self.kubectl, "--kubeconfig", self.kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Return the output of kubectl. Raises RuntimeError with its error output."""
        done = self.attempt(*arguments, stdin=stdin)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, kind: str, namespace: str, *arguments: str) -> list[Mapping[str, Any]]:
        """Return the objects of a kind."""
        output = self.run("get", kind, "-n", namespace, "-o", "json", *arguments)
        objects: list[Mapping[str, Any]] = json.loads(output)["items"]
        return objects

    def object_names(self, namespace: str) -> set[str]:
        """Return the names of all objects in a namespace, of all kinds."""
        kinds = self.run("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        listed = ",".join(sorted(set(kinds) - _IGNORED_KINDS))
        return set(self.run("get", listed, "-n", namespace, "-o", "name", "--ignore-not-found").split())


@contextmanager
def open_cluster() -> Iterator[Cluster]:
    """Yield the cluster. Raises ToolMissing if there is none."""
    kubeconfig = os.environ.get("REPRISE_KUBECONFIG")
    if kubeconfig:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            raise ToolMissing("no kubectl for the cluster of REPRISE_KUBECONFIG")
        yield Cluster(kubectl=kubectl, kubeconfig=kubeconfig)
        return
    up = Path(os.environ.get("REPRISE_SHARED") or _TOP.parent / "shared") / "kube" / "up"
    if not os.access(up, os.X_OK):
        raise ToolMissing(f"no cluster: REPRISE_KUBECONFIG is not set, and {up} does not exist")
    try:
        yield _start(up)
    finally:
        subprocess.run([up, "down"], capture_output=True, timeout=_CALL_SECONDS, check=False)


def _start(up: Path) -> Cluster:
    script = 'exports=$("$0") && eval "$exports" && printf "%s\\n" "$KUBECONFIG" && command -v kubectl'
    try:
        done = subprocess.run(
            ["bash", "-c", script, str(up)],
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissing(f"{up} took more than {_START_SECONDS:g} s") from None
    except subprocess.CalledProcessError as error:
        raise ToolMissing(f"{up}: {error.stderr.strip()[-1000:]}") from None
    kubeconfig, kubectl = done.stdout.split()
    return Cluster(kubectl=kubectl, kubeconfig=kubeconfig)
