"""Checks of the release workflow: `python -m deploy.release version|notes TAG`, with Python's standard library alone.

version  print the version of a tag such as v1.2.3, if pyproject.toml, the chart and the changelog agree with it
notes    print the changelog's section of that version
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """The sources do not agree with the tag; one line for each difference."""


def release_version(tag: str, top: Path = TOP) -> str:
    """Return the version of a tag. Raises ReleaseError if a file has another one."""
    version = tag.removeprefix("v")
    chart = (top / "deploy/helm/reprise/Chart.yaml").read_text(encoding="utf-8")
    versions = {
        "pyproject.toml, project.version": tomllib.loads((top / "pyproject.toml").read_text())["project"]["version"],
        "Chart.yaml, version": _field(chart, "version"),
        "Chart.yaml, appVersion": _field(chart, "appVersion"),
    }
    errors = [f"{place}: {found}, not {version}" for place, found in versions.items() if found != version]
    if not release_notes(tag, top):
        errors.append(f"CHANGELOG.md: no section {version}")
    if errors:
        raise ReleaseError("\n".join(errors))
    return version


def release_notes(tag: str, top: Path = TOP) -> str:
    """Return the text under the version's heading in the changelog; empty if there is none."""
    changelog = (top / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(tag.removeprefix('v'))}\].*\n"
    match = re.search(rf"{heading}(?P<notes>(?:(?!## |\[[^\]]+\]: ).*\n)*)", changelog, re.MULTILINE)
    return match["notes"].strip() if match else ""


def _field(chart: str, name: str) -> str:
    match = re.search(rf'^{name}: "?([^"\s]+)"?$', chart, re.MULTILINE)
    return match[1] if match else "missing"


def main(arguments: list[str]) -> int:
    """Print what the command line asks for and return the exit code."""
    match arguments:
        case ["version", tag]:
            command = release_version
        case ["notes", tag]:
            command = release_notes
        case _:
            print(__doc__, file=sys.stderr)  # noqa: T201  # a command's output
            return 2
    try:
        print(command(tag))  # noqa: T201
    except ReleaseError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
