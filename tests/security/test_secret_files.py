"""Every secret can come from a file. Errors name an invalid file and do not show its content."""

from pathlib import Path

import pytest

from reprise.errors import UsageError
from reprise.settings import load
from reprise.settings.help_text import describe

#: A valid value of each secret.
VALUES = {
    "REPRISE_REDIS_URL": "rediss://reprise:hunter2@redis.example:6380/0",
    "REPRISE_REDIS_PASSWORD": "hunter2",
    "REPRISE_KAFKA_SASL_PASSWORD": "hunter2",
    "REPRISE_SCHEMA_REGISTRY_PASSWORD": "hunter2",
}

SASL = {
    "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "REPRISE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "REPRISE_KAFKA_SASL_USERNAME": "reprise",
}


REGISTRY = {
    "REPRISE_SCHEMA_REGISTRY_URL": "https://registry.example",
    "REPRISE_SCHEMA_REGISTRY_USERNAME": "reader",
}


def other_settings(name: str) -> dict[str, str]:
    """Return the settings that a secret needs beside it."""
    if "REGISTRY" in name:
        return REGISTRY
    return SASL if "SASL" in name else {}


def error_line(environment: dict[str, str]) -> str:
    """Return the only line of the error."""
    with pytest.raises(UsageError) as caught:
        load(environment)
    (line,) = str(caught.value).splitlines()
    return line


def test_all_secrets_are_tested() -> None:
    """A new secret has to be added to VALUES."""
    assert {setting.variable for setting in describe() if setting.secret} == VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_final_line_breaks_are_removed(name: str, end: str, tmp_path: Path) -> None:
    """A file written by an editor or by echo gives the same settings as the variable."""
    file = tmp_path / "secret"
    file.write_bytes(f"{VALUES[name]}{end}".encode())
    from_file = load(other_settings(name) | {f"{name}_FILE": str(file)})
    assert from_file == load(other_settings(name) | {name: VALUES[name]})


@pytest.mark.parametrize("name", VALUES)
def test_spaces_are_kept(name: str, tmp_path: Path) -> None:
    """A secret may end with a space."""
    file = tmp_path / "secret"
    file.write_text(f"{VALUES[name]} \n")
    assert load(other_settings(name) | {f"{name}_FILE": str(file)}) == load(
        other_settings(name) | {name: f"{VALUES[name]} "}
    )


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("a directory", "Is a directory"),
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"hunter2\xff", "it is not UTF-8"),
        (b"hunter2" * 10_000, "it is larger than"),
    ],
)
def test_an_invalid_file_is_named(name: str, content: bytes | str | None, reason: str, tmp_path: Path) -> None:
    """The error line has the variable, the path and the reason, and nothing of the content."""
    file = tmp_path / "secret"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    line = error_line(other_settings(name) | {f"{name}_FILE": str(file)})
    assert line.startswith(f"{name}_FILE: cannot read '{file}': ")
    assert reason in line
    assert "hunter2" not in line


def test_an_invalid_url_in_a_file_is_not_shown(tmp_path: Path) -> None:
    """A URL may contain a password."""
    file = tmp_path / "secret"
    file.write_text("http://:hunter2@redis.example")
    line = error_line({"REPRISE_REDIS_URL_FILE": str(file)})
    assert line.startswith("REPRISE_REDIS_URL: invalid value; allowed: ")
    assert "hunter2" not in line
