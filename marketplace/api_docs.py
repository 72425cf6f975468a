"""The API described: the OpenAPI document and a page that people read, both made from the code."""

from __future__ import annotations

import functools
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI 3 document as plain data."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    plain: dict[str, Any] = json.loads(json.dumps(schema, default=str))
    return plain


def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(json.dumps(document()), content_type="application/vnd.oai.openapi+json")


def docs(request: HttpRequest) -> HttpResponse:
    """The readable page: every operation with its parameters, body, answers and an example."""
    return render(request, "api/docs.html", {"groups": _groups(document()), "info": document()["info"]})


def _groups(doc: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in doc["paths"].items():
        for method, operation in methods.items():
            name = path.removeprefix("/api/v1/").split("/")[0]
            groups.setdefault(name, []).append(_operation(doc, path, method, operation))
    return [{"name": name, "operations": operations} for name, operations in groups.items()]


def _operation(doc: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = [
        {
            "code": code,
            "words": answer.get("description") or ("Refused" if code >= "400" else "Done"),
            "shape": _name(answer.get("content", {}).get("application/json", {}).get("schema", {})),
        }
        for code, answer in sorted(operation["responses"].items())
    ]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "fields": _fields(doc, body) if body else [],
        "example": json.dumps(_example(doc, body), indent=2) if body else "",
        "answers": [answer for answer in answers if answer["code"] < "400"],
        "refusals": ", ".join(answer["code"] for answer in answers if answer["code"] >= "400"),
    }


def _name(shape: dict[str, Any]) -> str:
    return str(shape.get("$ref", "")).rsplit("/", 1)[-1]


def _resolve(doc: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in shape:
        found: dict[str, Any] = doc["components"]["schemas"][_name(shape)]
        return found
    if "allOf" in shape or "oneOf" in shape:
        return _resolve(doc, (shape.get("allOf") or shape["oneOf"])[0])
    return shape


def _fields(doc: dict[str, Any], shape: dict[str, Any]) -> list[dict[str, Any]]:
    resolved = _resolve(doc, shape)
    required = set(resolved.get("required", []))
    rows = []
    for name, field in resolved.get("properties", {}).items():
        inner = _resolve(doc, field)
        limits = [f"{key} {inner[key]}" for key in ("minLength", "maxLength", "minimum", "maximum") if key in inner]
        rows.append(
            {
                "name": name,
                "type": inner.get("type", "object"),
                "is_required": name in required,
                "limits": ", ".join(limits),
                "choices": inner.get("enum", []),
                "words": field.get("description", "") if "enum" not in inner else "",
            }
        )
    return rows


def _example(doc: dict[str, Any], shape: dict[str, Any], depth: int = 0) -> Any:
    resolved = _resolve(doc, shape)
    if depth > 4:
        return None
    if "enum" in resolved:
        return resolved["enum"][0]
    kind = resolved.get("type")
    if kind == "object":
        return {k: _example(doc, v, depth + 1) for k, v in resolved.get("properties", {}).items()}
    if kind == "array":
        return [_example(doc, resolved.get("items", {}), depth + 1)]
    if kind == "integer":
        return max(1, int(resolved.get("minimum", 1)))
    if kind == "boolean":
        return False
    return "2026-11-22T09:00:00Z" if resolved.get("format") == "date-time" else "…"
