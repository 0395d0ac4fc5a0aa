"""Fetch schemas from a Schema Registry, with the schemas that they refer to."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from reprise.errors import RepriseError, Unreachable, UsageError
from reprise.model import OutageKind
from reprise.sanitize import one_line
from reprise.settings.groups import SchemaRegistrySettings

#: Error codes of the registry for a subject, a version or a schema that it does not have.
_NOT_FOUND: Final = frozenset({40401, 40402, 40403})

#: Statuses of a registry that does not accept the login.
_REFUSED: Final = frozenset({401, 403})

#: Status of a registry that accepts the login, but not for this schema.
_FORBIDDEN: Final = 403

#: Schemas that one schema may refer to, directly or through others.
_MAX_REFERENCES: Final = 200

#: Characters of a registry's message in an error.
_MAX_MESSAGE_CHARACTERS: Final = 200


class UnknownSchema(RepriseError):
    """The registry has no schema of an id, or not one that it refers to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSchema:
    """A schema that another one refers to by a name: of an Avro type, or of a file that Protobuf imports."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSchema:
    """A schema of the registry.

    kind        AVRO, PROTOBUF or JSON
    references  the schemas that it refers to, each after those that it refers to itself
    """

    schema_id: int
    kind: str
    text: str
    references: Sequence[NamedSchema]


class SchemaRegistryClient:
    """Fetches schemas. Each call is one attempt: the pipeline retries."""

    def __init__(self, settings: SchemaRegistrySettings) -> None:
        """Raise UsageError if a package of the extra is not installed or a file of the settings cannot be used."""
        if missing := [name for name in ("confluent_kafka", "fastavro", "grpc_tools") if find_spec(name) is None]:
            raise UsageError(
                f"REPRISE_SCHEMA_REGISTRY_URL: needs {', '.join(missing)}: pip install 'reprise[registry]'"
            )
        # Optional packages; importing them takes 0.2 s.
        from confluent_kafka import schema_registry  # noqa: PLC0415

        self._url = settings.url
        self._error_type = schema_registry.SchemaRegistryError
        try:
            self._client: Any = schema_registry.SchemaRegistryClient(_client_options(settings))
        except (OSError, ValueError) as error:
            raise UsageError(f"REPRISE_SCHEMA_REGISTRY_: {error}") from None

    def check(self) -> None:
        """Raise Unreachable unless the registry answers and accepts the login.

        It may have no schema 1, and may refuse it to this login, which then may still read others.
        """
        try:
            self._call(lambda: self._client.get_schema(1), "schema 1")
        except UnknownSchema:
            return
        except Unreachable as error:
            if not _is_forbidden(error):
                raise

    def fetch(self, schema_id: int) -> FetchedSchema:
        """Return a schema. Raises UnknownSchema, and Unreachable for every other answer or none."""
        schema = self._call(lambda: self._client.get_schema(schema_id), f"schema {schema_id}")
        found: dict[str, NamedSchema] = {}
        self._add_references(schema, found)
        return FetchedSchema(
            schema_id=schema_id, kind=schema.schema_type, text=schema.schema_str, references=tuple(found.values())
        )

    def _add_references(self, schema: Any, found: dict[str, NamedSchema]) -> None:
        for reference in schema.references or ():
            if reference.name in found or len(found) >= _MAX_REFERENCES:
                continue
            subject, version = reference.subject, reference.version
            registered = self._call(
                lambda subject=subject, version=version: self._client.get_version(subject, version),
                f"version {version} of {subject}",
            )
            self._add_references(registered.schema, found)
            found[reference.name] = NamedSchema(name=reference.name, text=registered.schema.schema_str)

    def _call(self, request: Any, wanted: str) -> Any:
        try:
            return request()
        except self._error_type as error:
            message = one_line(str(error.error_message), _MAX_MESSAGE_CHARACTERS)
            if error.error_code in _NOT_FOUND:
                raise UnknownSchema(f"the registry at {self._url} has no {wanted}: {message}") from None
            kind = OutageKind.REFUSES_USER if error.http_status_code in _REFUSED else OutageKind.UNREACHABLE
            problem = f"the registry at {self._url} answered {error.http_status_code} for {wanted}: {message}"
            raise Unreachable(problem, kind) from error
        except Exception as error:  # no answer, or one that is not the registry's: never the fault of a message
            reason = one_line(str(error), _MAX_MESSAGE_CHARACTERS) or type(error).__name__
            raise Unreachable(f"the registry at {self._url} does not answer: {reason}") from error


def _is_forbidden(error: Unreachable) -> bool:
    return getattr(error.__cause__, "http_status_code", None) == _FORBIDDEN


def _client_options(settings: SchemaRegistrySettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "url": settings.url,
        "timeout": settings.timeout_seconds,
        "max.retries": 0,  # the pipeline retries, and polls in between
    }
    if settings.username is not None and settings.password is not None:
        options["basic.auth.user.info"] = f"{settings.username}:{settings.password.get_secret_value()}"
    files = {
        "ssl.ca.location": settings.ssl_cafile,
        "ssl.certificate.location": settings.ssl_certfile,
        "ssl.key.location": settings.ssl_keyfile,
    }
    return options | {name: str(path) for name, path in files.items() if path is not None}
