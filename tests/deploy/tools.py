"""Programs and schemas for the deployment tests, fetched or built once and kept in .stack.

tool(TOOL)        a Go program of a pinned version: Helm, kubeconform or actionlint
crd_files()       the custom resource definitions, from the Go modules of their operators
asyncapi_schema() the JSON Schema of AsyncAPI documents, from its npm package
schema_folder()   JSON Schemas of Kubernetes' and the operators' objects, with the file names that kubeconform expects

Each raises ToolMissing with the reason if it cannot be fetched or built.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

_TOP: Final = Path(__file__).resolve().parents[2]

#: Ignored by git, removed by `make clean`.
_STATE: Final = _TOP / ".stack" / "deploy"

#: Seconds to fetch and build one program. Helm takes three minutes on two busy cores.
_BUILD_SECONDS: Final = 900.0

#: Seconds to fetch one module.
_FETCH_SECONDS: Final = 300.0

#: The version of Kubernetes that charts are rendered for; kubernetes-validate contains its schemas.
KUBERNETES: Final = "1.34.0"


#: Version of the npm package with the schemas of AsyncAPI.
_ASYNCAPI_SPECS: Final = "6.11.1"


class ToolMissing(Exception):
    """A tool of a test cannot be fetched or built; the message has the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program of a Go module."""

    name: str
    package: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crds:
    """A Go module with custom resource definitions, and the files of those that the chart uses."""

    module: str
    version: str
    folder: str
    names: tuple[str, ...]


HELM: Final = Tool(name="helm", package="helm.sh/helm/v3/cmd/helm", version="v3.22.0")
ACTIONLINT: Final = Tool(name="actionlint", package="github.com/rhysd/actionlint/cmd/actionlint", version="v1.7.12")
KUBECONFORM: Final = Tool(name="kubeconform", package="github.com/yannh/kubeconform/cmd/kubeconform", version="v0.8.0")

_CRDS: Final = (
    Crds(
        module="github.com/kedacore/keda/v2",
        version="v2.21.0",
        folder="config/crd/bases",
        names=("keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml"),
    ),
    Crds(
        module="github.com/prometheus-operator/prometheus-operator",
        version="v0.85.0",
        folder="example/prometheus-operator-crd",
        names=("monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"),
    ),
)


def tool(wanted: Tool) -> Path:
    """Return the program's path; build it if it is missing."""
    folder = _STATE / f"{wanted.name}-{wanted.version}"
    program = folder / wanted.name
    if not program.is_file():
        _go(["install", f"{wanted.package}@{wanted.version}"], _BUILD_SECONDS, GOBIN=str(folder))
    return program


def crd_files() -> Sequence[Path]:
    """Return the files of the definitions, one for each kind."""
    found = []
    for crds in _CRDS:
        folder = _STATE / "crds" / f"{crds.module.rpartition('/')[2]}-{crds.version}"
        if not folder.is_dir():
            module = json.loads(_go(["mod", "download", "-json", f"{crds.module}@{crds.version}"], _FETCH_SECONDS))
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            for name in crds.names:
                shutil.copyfile(Path(module["Dir"]) / crds.folder / name, unfinished / name)
            unfinished.rename(folder)
        found += [folder / name for name in crds.names]
    return found


def asyncapi_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of AsyncAPI 3.0 documents."""
    folder = _STATE / f"asyncapi-specs-{_ASYNCAPI_SPECS}"
    if not folder.is_dir():
        if shutil.which("npm") is None:
            raise ToolMissing("no Node.js (npm)")
        _STATE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_STATE) as name:
            package = f"@asyncapi/specs@{_ASYNCAPI_SPECS}"
            done = subprocess.run(
                ["npm", "pack", "--silent", package], cwd=name, capture_output=True, text=True, timeout=_FETCH_SECONDS,
                check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            if done.returncode != 0:
                raise ToolMissing(f"npm pack {package}: {done.stderr.strip()[-1000:]}")
            with tarfile.open(Path(name) / done.stdout.strip()) as archive:
                archive.extractall(name, filter="data")
            (Path(name) / "package" / "schemas").rename(folder)
    schema: Mapping[str, Any] = json.loads((folder / "3.0.0.json").read_text())
    return schema


def schema_folder() -> Path:
    """Return the folder of schemas; their names follow kubeconform's `{{.ResourceKind}}{{.KindSuffix}}.json`."""
    folder = _STATE / f"schemas-{KUBERNETES}"
    folder.mkdir(parents=True, exist_ok=True)
    bundled = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    for source in bundled.iterdir():
        target = folder / source.name
        if not target.is_file():
            # The ids and references are URLs that do not exist; relative ones resolve to the neighbouring files.
            schema = json.loads(source.read_text().replace('"/api/_definitions.json', '"_definitions.json'))
            schema.pop("$id", None)
            target.write_text(json.dumps(schema))
    for name, schema in _crd_schemas():
        (folder / name).write_text(json.dumps(schema))
    return folder


def _crd_schemas() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in crd_files():
        crd = yaml.safe_load(path.read_text())["spec"]
        for version in crd["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}  # the server checks the metadata itself
            group = crd["group"].partition(".")[0]
            yield f"{crd['names']['kind'].lower()}-{group}-{version['name']}.json", schema


def _strict(schema: Any) -> Any:
    """Return a structural schema as a JSON Schema that refuses unknown fields, which the server would drop silently."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items() if key != "format"}
    if strict.get("x-kubernetes-int-or-string") is True:
        strict.pop("type", None)
        strict["type"] = ["integer", "string"]
    if isinstance(strict.get("properties"), dict) and not strict.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict


def _go(arguments: Sequence[str], timeout_seconds: float, **environment: str) -> str:
    if shutil.which("go") is None:
        raise ToolMissing("no Go (go)")
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=Path(__file__).anchor,  # outside of any module
            env={**os.environ, "GOFLAGS": "", "GO111MODULE": "on", **environment},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissing(f"go {' '.join(arguments)} took more than {timeout_seconds:g} s") from None
    except subprocess.CalledProcessError as error:
        raise ToolMissing(f"go {' '.join(arguments)}: {error.stderr.strip()[-1000:]}") from None
    return done.stdout
