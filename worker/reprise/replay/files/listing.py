"""List the files of the arguments of a command: files as they are, and the files in folders."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath

from reprise.errors import UsageError
from reprise.replay.files.kinds import FileKind, kind_of_name, kind_of_start
from reprise.replay.files.opening import STANDARD_STREAM, open_input


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFiles:
    """The files that a command reads, in order.

    left_out  files in folders that hold no articles, such as images, by their suffix
    """

    paths: Sequence[str]
    left_out: Mapping[str, int]

    def describe_left_out(self) -> str | None:
        """Return a line about the files that are left out; None without any."""
        if not self.left_out:
            return None
        counts = Counter(self.left_out)
        suffixes = ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common(5))
        return f"{counts.total():,} files in folders are of no kind that holds articles: {suffixes}"


def list_files(arguments: Sequence[str]) -> InputFiles:
    """Return the files of the arguments. A folder stands for the files in it and in its folders, sorted by path.

    Hidden files of a folder are left out. Raises UsageError with a line for each argument that cannot be read.
    """
    paths: list[str] = []
    left_out: Counter[str] = Counter()
    problems: list[str] = []
    for argument in arguments:
        try:
            found = list(_walk(argument, left_out)) if Path(argument).is_dir() else [_check_openable(argument)]
            if not found:
                problems.append(f"{argument}: no file in this folder holds articles")
            paths += (path for path, _ in found)
            needed = {kind.name: kind for _, kind in found if kind is not None and kind.requires is not None}
            problems += filter(None, (_requirement_problem(argument, kind) for kind in needed.values()))
        except OSError as error:
            problems.append(f"{error.filename or argument}: {error.strerror or error}")
    if problems:
        raise UsageError("\n".join(problems))
    return InputFiles(paths=paths, left_out=left_out)


def _check_openable(path: str) -> tuple[str, FileKind | None]:
    if path != STANDARD_STREAM:
        with Path(path).open("rb"):
            pass
    return path, kind_of_name(path)


def _walk(folder: str, left_out: Counter[str]) -> Iterator[tuple[str, FileKind]]:
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(parent, name)
            if name.startswith(".") or not os.path.isfile(path):
                continue
            kind = kind_of_name(path) or _kind_of_content(path)
            if kind is None:
                left_out[PurePath(name).suffix.lower() or "without a suffix"] += 1
            else:
                yield path, kind


def _raise(error: OSError) -> None:
    raise error


def _kind_of_content(path: str) -> FileKind | None:
    try:
        with open_input(path) as file:
            return kind_of_start(file.head)
    except (EOFError, OSError):
        return None


def _requirement_problem(argument: str, kind: FileKind) -> str | None:
    if kind.requires is None or find_spec(kind.requires[0]) is not None:
        return None
    package, extra = kind.requires
    return f"{argument}: {kind.name} files need {package}: pip install 'reprise[{extra}]'"
