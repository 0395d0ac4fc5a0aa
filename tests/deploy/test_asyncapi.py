"""The AsyncAPI document is valid by the schema that its authors publish."""

from collections.abc import Mapping
from typing import Any

import yaml
from jsonschema import Draft7Validator

from deploy.docs_pages import PAGES


def test_the_document_is_valid_asyncapi(asyncapi_schema: Mapping[str, Any]) -> None:
    """With a document that is damaged as a control."""
    validator = Draft7Validator(asyncapi_schema)
    document = yaml.safe_load(PAGES["asyncapi.yaml"]())
    assert [error.message for error in validator.iter_errors(document)] == []
    document["operations"]["articles"]["action"] = "consume"
    assert not validator.is_valid(document)
