"""Comparison of two OpenAPI documents: what a server says it does, and what the contract says it must do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
WORDS_FOR_PEOPLE = {"title", "description", "example", "examples", "$comment"}
KEYWORDS_BY_TYPE = {
    "string": {"minLength", "maxLength", "pattern", "format", "contentMediaType", "contentEncoding"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "array": {"items", "minItems", "maxItems", "uniqueItems", "prefixItems"},
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "propertyNames"},
    "boolean": set(),
    "null": set(),
}
TYPED_KEYWORDS = set().union(*KEYWORDS_BY_TYPE.values())

Document = Mapping[str, Any]


def differences(served: Document, contract: Document) -> list[str]:
    """Return one sentence for each difference; words for people, extensions and response headers are not compared."""
    return list(_compare_operations(served, contract))


def canonical(schema: Any, document: Document, *, seen: tuple[str, ...] = ()) -> Any:
    """Return a schema with its references resolved and its spelling made uniform, so that equal meaning is equal JSON."""
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _resolve_schema(schema, document, seen)
    kept = {key: value for key, value in schema.items() if key not in WORDS_FOR_PEOPLE and not key.startswith("x-")}
    default = kept.pop("default", None)
    result = _union(list(_variants(kept, document, seen)))
    return result if default is None else {**result, "default": default}


def _resolve_schema(schema: Mapping[str, Any], document: Document, seen: tuple[str, ...]) -> Any:
    reference = schema["$ref"]
    if reference in seen:
        return {"$ref": reference.rsplit("/", 1)[-1]}
    target = {**resolve(reference, document), **{key: value for key, value in schema.items() if key != "$ref"}}
    return canonical(target, document, seen=(*seen, reference))


def resolve(reference: str, document: Document) -> Any:
    """Return what a local reference (`#/components/…`) points to."""
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


def _variants(schema: dict[str, Any], document: Document, seen: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the alternatives of a schema, each of one type."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            rest = {key: value for key, value in schema.items() if key != word}
            for option in schema[word]:
                yield from _alternatives(canonical({**rest, **option} if rest else option, document, seen=seen))
            return
    if "allOf" in schema and len(schema["allOf"]) == 1:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        yield from _alternatives(canonical({**schema["allOf"][0], **rest}, document, seen=seen))
        return
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    types = schema.get("type", sorted({_type_of(value) for value in values or ()}))
    for kind in [types] if isinstance(types, str) else types:
        yield _of_type(kind, schema, values, document, seen)
    if not types:
        yield {key: canonical(value, document, seen=seen) for key, value in schema.items()}


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return list(schema["anyOf"]) if set(schema) == {"anyOf"} else [schema]


def _of_type(kind: str, schema: Mapping[str, Any], values: list[Any] | None, document: Document, seen: tuple[str, ...]) -> dict[str, Any]:
    """Return the part of a schema that speaks of one type."""
    result: dict[str, Any] = {"type": kind}
    for key, value in schema.items():
        if key in {"type", "enum", "const"} or (key in TYPED_KEYWORDS and key not in KEYWORDS_BY_TYPE[kind]):
            continue
        match key:
            case "properties":
                result[key] = {name: canonical(child, document, seen=seen) for name, child in value.items()}
            case "required":
                result[key] = sorted(value)
            case "items" | "additionalProperties" | "propertyNames":
                result[key] = canonical(value, document, seen=seen)
            case _:
                result[key] = value
    if values is not None and kind != "null":
        result["enum"] = sorted((value for value in values if _type_of(value) == kind), key=repr)
    return {key: value for key, value in result.items() if not (key == "required" and value == [])}


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _union(options: list[dict[str, Any]]) -> dict[str, Any]:
    unique = {json.dumps(option, sort_keys=True): option for option in options}
    ordered = [unique[key] for key in sorted(unique)]
    return ordered[0] if len(ordered) == 1 else {"anyOf": ordered}


def _without_null(schema: Any) -> Any:
    """Drop the alternative `null`: a parameter or body that may be left out can't be sent as null anyway."""
    if not isinstance(schema, Mapping) or "anyOf" not in schema:
        return schema
    rest = _union([option for option in schema["anyOf"] if option != {"type": "null"}])
    return {**rest, **{key: value for key, value in schema.items() if key != "anyOf"}}


def _operations(document: Document) -> dict[tuple[str, str], tuple[Mapping[str, Any], list[Any]]]:
    return {
        (path, method): (item[method], [*item.get("parameters", ()), *item[method].get("parameters", ())])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def _compare_operations(served: Document, contract: Document) -> Iterator[str]:
    have, want = _operations(served), _operations(contract)
    for path, method in sorted(want.keys() - have.keys()):
        yield f"{method.upper()} {path}: is in the contract and not served"
    for path, method in sorted(have.keys() - want.keys()):
        yield f"{method.upper()} {path}: is served and not in the contract"
    for path, method in sorted(have.keys() & want.keys()):
        (have_op, have_parameters), (want_op, want_parameters) = have[path, method], want[path, method]
        found = {
            "operationId": _diff(have_op.get("operationId"), want_op.get("operationId")),
            "parameters": _diff(_parameters(have_parameters, served), _parameters(want_parameters, contract)),
            "request body": _diff(_body(have_op, served), _body(want_op, contract)),
            "responses": _diff(_responses(have_op, served), _responses(want_op, contract)),
        }
        for part, lines in found.items():
            yield from (f"{method.upper()} {path}: {part}{line}" for line in lines)


def _open(node: Any, document: Document) -> Any:
    return resolve(node["$ref"], document) if "$ref" in node else node


def _parameters(parameters: list[Any], document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for parameter in (_open(node, document) for node in parameters):
        place, name = parameter["in"], parameter["name"]
        required = parameter.get("required", False)
        schema = canonical(parameter.get("schema", {}), document)
        style = parameter.get("style", "form" if place in {"query", "cookie"} else "simple")
        result[f"{place} {name.lower() if place == 'header' else name}"] = {
            "required": required,
            "schema": schema if required else _without_null(schema),
            "style": style,
            "explode": parameter.get("explode", style == "form"),
        }
    return result


def _content(node: Mapping[str, Any], document: Document) -> dict[str, Any]:
    return {media: canonical(value.get("schema", {}), document) for media, value in node.get("content", {}).items()}


def _body(operation: Mapping[str, Any], document: Document) -> dict[str, Any] | None:
    if "requestBody" not in operation:
        return None
    body = _open(operation["requestBody"], document)
    required, content = body.get("required", False), _content(body, document)
    return {"required": required, "content": content if required else {media: _without_null(schema) for media, schema in content.items()}}


def _responses(operation: Mapping[str, Any], document: Document) -> dict[str, Any]:
    return {str(status): _content(_open(node, document), document) for status, node in operation["responses"].items()}


def _diff(have: Any, want: Any, at: str = "") -> Iterator[str]:
    """Yield where two canonical values differ, deepest place first named."""
    if have == want:
        return
    if not (isinstance(have, dict) and isinstance(want, dict)):
        yield f"{at}: serves {json.dumps(have, sort_keys=True)}, the contract has {json.dumps(want, sort_keys=True)}"
        return
    for key in sorted(want.keys() - have.keys()):
        yield f"{at}/{key}: is in the contract and not served"
    for key in sorted(have.keys() - want.keys()):
        yield f"{at}/{key}: is served and not in the contract"
    for key in sorted(have.keys() & want.keys()):
        yield from _diff(have[key], want[key], f"{at}/{key}")
