"""Every secret can come from a file, and a file that cannot be one is named without showing what it holds."""

from pathlib import Path

import pytest

from reprise.errors import UsageError
from reprise.settings import load
from reprise.settings.help_text import describe

#: A value that is right for each secret.
VALUES = {
    "REPRISE_REDIS_URL": "rediss://reprise:hunter2@redis.example:6380/0",
    "REPRISE_REDIS_PASSWORD": "hunter2",
    "REPRISE_KAFKA_SASL_PASSWORD": "hunter2",
}

SASL = {
    "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "REPRISE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "REPRISE_KAFKA_SASL_USERNAME": "reprise",
}


def around(name: str) -> dict[str, str]:
    """Return what a secret's variable needs beside it."""
    return SASL if "SASL" in name else {}


def mistake(environment: dict[str, str]) -> str:
    """Return the one line of a mistake."""
    with pytest.raises(UsageError) as caught:
        load(environment)
    (line,) = str(caught.value).splitlines()
    return line


def test_the_secrets_are_these() -> None:
    """A new secret has to be added here, and passes the tests below."""
    assert {each.variable for each in describe() if each.secret} == VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_line_break_at_the_end_is_no_part_of_it(name: str, end: str, tmp_path: Path) -> None:
    """Whoever writes the file with an editor or with echo gets the same settings as with the variable itself."""
    file = tmp_path / "secret"
    file.write_bytes(f"{VALUES[name]}{end}".encode())
    from_file = load(around(name) | {f"{name}_FILE": str(file)})
    assert from_file == load(around(name) | {name: VALUES[name]})


@pytest.mark.parametrize("name", VALUES)
def test_blanks_are_a_part_of_it(name: str, tmp_path: Path) -> None:
    """A password may end with a space, and what stands on a first line of several is not cut off."""
    file = tmp_path / "secret"
    file.write_text(f"{VALUES[name]} \n")
    assert load(around(name) | {f"{name}_FILE": str(file)}) == load(around(name) | {name: f"{VALUES[name]} "})


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        ("a folder", "Is a directory"),
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"hunter2\xff", "it is not UTF-8"),
        (b"hunter2" * 10_000, "it is larger than"),
    ],
)
def test_a_file_that_is_no_secret_is_named(name: str, content: bytes | str | None, why: str, tmp_path: Path) -> None:
    """One line with the variable, the path and the reason, and nothing of the content."""
    file = tmp_path / "secret"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    told = mistake(around(name) | {f"{name}_FILE": str(file)})
    assert told.startswith(f"{name}_FILE: cannot read '{file}': ")
    assert why in told
    assert "hunter2" not in told


def test_a_wrong_value_in_a_file_is_not_shown(tmp_path: Path) -> None:
    """Any text is a password; the URL can be wrong, and it may hold one."""
    file = tmp_path / "secret"
    file.write_text("http://:hunter2@redis.example")
    told = mistake({"REPRISE_REDIS_URL_FILE": str(file)})
    assert told.startswith("REPRISE_REDIS_URL: invalid value; allowed: ")
    assert "hunter2" not in told
