"""The kubectl and helm commands of the operating pages, prepared for an API server without nodes."""

import re
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parents[2] / "docs" / "operating"

_PAGES: Final = ("runbook.md", "upgrades.md", "recovery.md", "kubernetes.md")

#: Errors of kubectl and helm where a command is right and needs a node that runs the pods.
NEEDS_NODE: Final = re.compile(
    r"does not have a host assigned|is not running|waiting to start|unable to forward port|"
    r"timed out waiting|pod not found",
    re.IGNORECASE,
)

#: Commands that wait for pods that run.
_NEEDS_RUNNING_PODS: Final = ("helm test",)


def operator_commands() -> list[str]:
    """Return the commands of code blocks and of code within a line, each on one line."""
    found: dict[str, None] = {}
    for page in _PAGES:
        text = (_FOLDER / page).read_text("utf-8").replace("\\\n", " ")
        for match in re.finditer(r"(?:^ *|`)((?:kubectl|helm) -?-?[a-z][^`\n]*)", text, re.MULTILINE):
            found[re.sub(r"\s+#.*| &$", "", re.sub(r" +", " ", match[1])).strip()] = None
    return [command for command in found if _is_complete(command) and not command.startswith(_NEEDS_RUNNING_PODS)]


def _is_complete(command: str) -> bool:
    """Return whether a command can be typed as it is; in a sentence often only its name stands."""
    return "$ns" in command or "--namespace news" in command


def prepare(command: str) -> str:
    """Return a shell command with changes that keep its objects and selectors: it changes nothing and does not wait.

    An upgrade, a rollback and an uninstall become dry runs on the server, and waits end soon.
    """
    command = command.replace("--namespace news", "--namespace $ns").replace("--wait", "")
    if re.match(r"helm (upgrade|install)", command):
        command += " --dry-run=server"
    elif re.match(r"helm (rollback|uninstall)", command):
        command += " --dry-run"
    command = re.sub(r"--timeout=\d+m", "--timeout=1s", command)
    return re.sub(r" \| (grep|tail).*", "", command)
