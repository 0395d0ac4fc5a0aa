"""A real Kubernetes API server for the tests, and kubectl on it. It asserts nothing.

REPRISE_KUBECONFIG names the configuration of a cluster to use; it needs no node, and everything is taken away again.
Else `kube/up` in the folder of REPRISE_SHARED (`../shared` if unset) starts a control plane, afresh and empty.
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

#: Seconds to start the control plane; it may have to be built, which takes eight minutes.
_START_SECONDS: Final = 1200.0

#: Seconds for one call; a deletion waits for the controllers.
_CALL_SECONDS: Final = 120.0

#: Written about others by the controllers, at a time of their own, and nobody's to delete.
_BYSTANDERS: Final = frozenset({"events", "events.events.k8s.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster, by its kubectl."""

    kubectl: str
    kubeconfig: str

    def attempt(self, *arguments: str, told: str = "") -> "subprocess.CompletedProcess[str]":
        """Run kubectl, whatever comes of it."""
        return subprocess.run(
            [self.kubectl, "--kubeconfig", self.kubeconfig, *arguments],
            input=told,
            capture_output=True,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )

    def run(self, *arguments: str, told: str = "") -> str:
        """Return what kubectl prints. Raises RuntimeError with its own words."""
        done = self.attempt(*arguments, told=told)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, kind: str, namespace: str, *arguments: str) -> list[Mapping[str, Any]]:
        """Return the objects of a kind."""
        found: list[Mapping[str, Any]] = json.loads(self.run("get", kind, "-n", namespace, "-o", "json", *arguments))[
            "items"
        ]
        return found

    def everything(self, namespace: str) -> set[str]:
        """Return the names of all objects of a namespace, of every kind that the server knows."""
        kinds = self.run("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        listed = ",".join(sorted(set(kinds) - _BYSTANDERS))
        return set(self.run("get", listed, "-n", namespace, "-o", "name", "--ignore-not-found").split())


@contextmanager
def open_cluster() -> Iterator[Cluster]:
    """Give the cluster. Raises ToolMissing where there is none."""
    given = os.environ.get("REPRISE_KUBECONFIG")
    if given:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            raise ToolMissing("no kubectl for the cluster of REPRISE_KUBECONFIG")
        yield Cluster(kubectl=kubectl, kubeconfig=given)
        return
    up = Path(os.environ.get("REPRISE_SHARED") or _TOP.parent / "shared") / "kube" / "up"
    if not os.access(up, os.X_OK):
        raise ToolMissing(f"no cluster: REPRISE_KUBECONFIG is not set, and {up} is not there")
    try:
        yield _started(up)
    finally:
        subprocess.run([up, "down"], capture_output=True, timeout=_CALL_SECONDS, check=False)


def _started(up: Path) -> Cluster:
    script = 'told=$("$0") && eval "$told" && printf "%s\\n" "$KUBECONFIG" && command -v kubectl'
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
