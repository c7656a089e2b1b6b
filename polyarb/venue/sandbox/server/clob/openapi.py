"""The CLOB's endpoints described as OpenAPI 3.1, from the same table that answers them."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from polyarb.venue.sandbox.server.clob.calls import Access, Endpoint
from polyarb.venue.sandbox.server.errors import ErrorBody

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
_TEMPLATE = "#/components/schemas/{name}"
_JSON = "application/json"

L1_HEADERS = ("POLY_ADDRESS", "POLY_SIGNATURE", "POLY_TIMESTAMP", "POLY_NONCE")
L2_HEADERS = (
    "POLY_ADDRESS",
    "POLY_API_KEY",
    "POLY_PASSPHRASE",
    "POLY_TIMESTAMP",
    "POLY_SIGNATURE",
)
BUILDER_HEADERS = (
    "POLY_BUILDER_API_KEY",
    "POLY_BUILDER_PASSPHRASE",
    "POLY_BUILDER_TIMESTAMP",
    "POLY_BUILDER_SIGNATURE",
)
HEADERS: dict[Access, tuple[str, ...]] = {
    Access.PUBLIC: (),
    Access.WALLET: L1_HEADERS,
    Access.READ: L2_HEADERS,
    Access.TRADE: L2_HEADERS,
    Access.BUILDER: BUILDER_HEADERS,
}
"""What a request carries to prove who sends it. Source: polymarket.md 3.1."""


def describe(endpoints: Iterable[Endpoint], *, title: str) -> dict[str, Json]:
    """Describe a table of endpoints."""
    listed = tuple(endpoints)
    types: list[object] = [ErrorBody]
    for each in listed:
        types += (
            [each.query, each.answer]
            if each.body is None
            else [
                each.query,
                each.body,
                each.answer,
            ]
        )
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    known = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, dict[str, Json]] = {}
    for each in listed:
        described = _operation(each, known, components)
        paths.setdefault(each.path, {})[each.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "2"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name}
                for headers in HEADERS.values()
                for name in headers
            },
        },
    }


def _key(kind: object) -> str:
    return repr(kind)


def _operation(
    endpoint: Endpoint, schemas: Mapping[str, Json], components: Mapping[str, Json]
) -> Json:
    described: dict[str, Json] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method} {endpoint.path}",
        "parameters": _parameters(endpoint, components),
        "responses": {
            "200": _content("Done", schemas[_key(endpoint.answer)]),
            "default": _content("Refused", schemas[_key(ErrorBody)]),
        },
    }
    if endpoint.body is not None:
        content = {_JSON: {"schema": schemas[_key(endpoint.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    if HEADERS[endpoint.access]:
        described["security"] = [{name: [] for name in HEADERS[endpoint.access]}]
    return described


def _parameters(endpoint: Endpoint, components: Mapping[str, Json]) -> Json:
    schema = components[endpoint.query.__name__]
    assert isinstance(schema, Mapping)
    properties = schema.get("properties", {})
    assert isinstance(properties, Mapping)
    return [
        {
            "name": name,
            "in": "path" if is_path else "query",
            "required": is_path,
            "schema": described,
        }
        for name, described in properties.items()
        for is_path in (f"{{{name}}}" in endpoint.path,)
    ]


def _content(text: str, schema: Json) -> Json:
    return {"description": text, "content": {_JSON: {"schema": schema}}}
