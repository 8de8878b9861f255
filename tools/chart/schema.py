"""The chart's values.schema.json: shapes from values.yaml, settings from settings.py. What is not known is refused."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from chart.values import Value
from kite_operator.setting_values import Number, OneOf
from kite_operator.settings import Settings

OWNED: Mapping[str, str] = {
    "namespaces": "namespaces",
    "account_namespace": "accountNamespace",
    "leader_lease": "leaderElection.leaseName",
    "listen": "metrics.port",
    "login_listen": "login.enabled",
    "report_listen": "report.enabled",
    "report_tls_cert": "report.tlsSecretName",
    "report_tls_key": "report.tlsSecretName",
    "allow_rollout_restarts": "rollout.enabled",
}
"""Settings that the chart has a value of its own for: more than an argument follows from them."""

Schema = dict[str, Any]

_NAME = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SECRET = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"  # noqa: S105 - the shape of a name
_PORT: Schema = {"type": "integer", "minimum": 1024, "maximum": 65535}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_NAMED: Schema = {"type": "array", "items": {"type": "object", "required": ["name"]}}


def _text(pattern: str) -> Schema:
    """A text of this shape, or none."""
    return {"type": "string", "pattern": f"^({pattern})?$"}


_PARTICULARS: Mapping[str, Schema] = {
    "image.repository": {"type": "string", "minLength": 1},
    "image.digest": _text("sha256:[0-9a-f]{64}"),
    "sandbox.image.repository": {"type": "string", "minLength": 1},
    "sandbox.image.digest": _text("sha256:[0-9a-f]{64}"),
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "imagePullSecrets": _NAMED,
    "commonLabels": _TEXTS,
    "replicaCount": {"type": "integer", "minimum": 0, "maximum": 10},
    "revisionHistoryLimit": {"type": "integer", "minimum": 0},
    "leaderElection.leaseName": _text(_SECRET),
    "namespaces": {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": f"^{_NAME}$"}},
    "accountNamespace": _text(_NAME),
    "login.port": _PORT,
    "login.serviceAnnotations": _TEXTS,
    "report.port": _PORT,
    "report.tlsSecretName": _text(_SECRET),
    "metrics.port": _PORT,
    "serviceAccount.name": _text(_SECRET),
    "serviceAccount.annotations": _TEXTS,
    "monitoring.runbookUrl": _text(r"https?://[^\s\"\\$#`()]+"),
    "monitoring.serviceMonitor.labels": _TEXTS,
    "monitoring.podMonitor.labels": _TEXTS,
    "monitoring.prometheusRule.labels": _TEXTS,
    "monitoring.dashboards.labels": _TEXTS,
    "monitoring.dashboards.annotations": _TEXTS,
    "networkPolicy.metricsFrom": _OBJECTS,
    "networkPolicy.loginFrom": _OBJECTS,
    "networkPolicy.reportFrom": _OBJECTS,
    "networkPolicy.egressPorts": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "networkPolicy.extraEgress": _OBJECTS,
    "ingress.annotations": _TEXTS,
    "ingress.tlsSecretName": _text(_SECRET),
    "httpRoute.parentRefs": _NAMED,
    "httpRoute.annotations": _TEXTS,
    "httpRoute.hostnames": {"type": "array", "items": {"type": "string"}},
    "podDisruptionBudget.maxUnavailable": {
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[1-9][0-9]?%$|^100%$"}]
    },
    "topologySpreadConstraints": _OBJECTS,
    "nodeSelector": _TEXTS,
    "tolerations": _OBJECTS,
    "deploymentAnnotations": _TEXTS,
    "podLabels": _TEXTS,
    "podAnnotations": _TEXTS,
    "runAs.user": {"type": "integer", "minimum": 1},
    "runAs.group": {"type": "integer", "minimum": 1},
    "runAs.fsGroup": {"type": "integer", "minimum": 0},
    "extraEnv": _NAMED,
    "extraEnvFrom": _OBJECTS,
    "extraVolumes": _NAMED,
    "extraVolumeMounts": {"type": "array", "items": {"type": "object", "required": ["name", "mountPath"]}},
}
"""What the default's type does not tell."""

_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", str: "string", dict: "object", list: "array"}


def schema(values: Iterable[Value]) -> Schema:
    """The whole schema. `global` is what Helm hands to a chart that is a part of another one."""
    root = _group()
    root["$schema"] = "http://json-schema.org/draft-07/schema#"
    root["properties"]["global"] = {"type": "object"}
    for value in values:
        place = root
        for name in value.path[:-1]:
            place = place["properties"][name]
        place["properties"][value.path[-1]] = _of(value)
    return root


def _group() -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _of(value: Value) -> Schema:
    if value.name == "settings":
        return {"description": value.text, **settings()}
    shape = _group() if value.is_group else _PARTICULARS.get(value.name, {"type": _TYPES[type(value.default)]})
    return {"description": value.text, **shape} if value.text else dict(shape)


def settings() -> Schema:
    """Every setting that the chart has no value of its own for."""
    group = _group()
    group["properties"] = {
        camel_case(each.name): {"description": each.metadata["help"], **_setting(each.metadata["parse"], each.default)}
        for each in fields(Settings)
        if each.name not in OWNED
    }
    return group


def _setting(parse: object, default: object) -> Schema:
    if isinstance(parse, Number):
        kind = "integer" if parse.kind is int else "number"
        return {"type": kind, "minimum": parse.low, "maximum": parse.high}
    if isinstance(parse, OneOf):
        return {"enum": list(parse.words)}
    if isinstance(default, bool):
        return {"type": "boolean"}
    if isinstance(default, tuple):
        return {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
    return {"type": "string"}


def camel_case(name: str) -> str:
    """`log_format` -> `logFormat`."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)
