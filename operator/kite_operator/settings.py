"""The operator's settings: flags, or environment variables of the same name; every problem is reported at once.

A flag `--account-namespace` is the variable `KITE_OPERATOR_ACCOUNT_NAMESPACE`; the flag wins. Documented in
docs/settings.md, which a test compares with this module.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "KITE_OPERATOR_"
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PREFIX_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_RESERVED = ("kubernetes.io", "k8s.io", "kite-operator.dev")
_LEVELS = ("debug", "info", "warning", "error")


_SERVICE_LINK = re.compile(
    r"KITE_OPERATOR_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)"
)
"""What the kubelet sets in every pod beside a Service whose name begins with kite-operator: not a setting of ours."""


class SettingsError(ValueError):
    """The settings cannot be used; the message lists every problem, one a line."""


def _setting(default: Any, parse: Callable[[str], Any], text: str) -> Any:
    return field(default=default, metadata={"parse": parse, "help": text})


def _url(text: str) -> str:
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be a base address such as https://api.kite.trade, without a path")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or password")
    if parts.scheme == "http" and not local and not parts.hostname.endswith((".svc", ".cluster.local")):
        raise ValueError("must be https; http is for loopback and addresses inside the cluster (a sandbox)")
    return text.rstrip("/")


def _namespaces(text: str) -> tuple[str, ...]:
    names = tuple(name for name in re.split(r"[,\s]+", text) if name)
    for name in names:
        _namespace(name)
    return names


def _prefixes(text: str) -> tuple[str, ...]:
    prefixes = tuple(prefix for prefix in re.split(r"[,\s]+", text) if prefix)
    for prefix in prefixes:
        if not _PREFIX_NAME.fullmatch(prefix) or prefix.endswith(_RESERVED):
            raise ValueError(f"{prefix!r} is not a prefix that may be allowed")
    return prefixes


def _namespace(text: str) -> str:
    if not _NAMESPACE.fullmatch(text):
        raise ValueError(f"{text!r} is not a namespace name")
    return text


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return value

    return parse


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest TCP port
        raise ValueError("must be host:port, such as 0.0.0.0:8080")
    return text


def _level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the composition root needs; every field is a flag and a variable."""

    kubeconfig: str = _setting("", str, "kubeconfig file; without one, the pod's service account")
    namespaces: tuple[str, ...] = _setting(
        (), _namespaces, "namespaces to watch, separated by commas; none: all of them"
    )
    account_namespace: str = _setting(
        "", _namespace, "where account Leases and kite-operator-keys live; the pod's own namespace when not given"
    )
    api_url: str = _setting("https://api.kite.trade", _url, "base address of the Kite Connect API")
    login_url: str = _setting("https://kite.zerodha.com", _url, "base address of the Kite login")
    target_metadata_prefixes: tuple[str, ...] = _setting(
        (), _prefixes, "prefixes (before the /) that labels and annotations in spec.target may have; none by default"
    )
    workers: int = _setting(20, _number(int, 1, 200), "credentials worked on at a time")
    broker_threads: int = _setting(16, _number(int, 1, 128), "threads for calls of the official Kite client")
    calls_per_second: float = _setting(
        3.0, _number(float, 0.1, 10), "calls to the Kite API a second and api_key, in all"
    )
    probes_per_second: float = _setting(1.0, _number(float, 0.05, 10), "of these, probes of published tokens")
    broker_timeout_seconds: float = _setting(10.0, _number(float, 1, 30), "longest wait for an answer of the broker")
    kubernetes_timeout_seconds: float = _setting(15.0, _number(float, 1, 120), "longest wait for the API server")
    resync_seconds: float = _setting(300.0, _number(float, 10, 3600), "how often everything is listed anew")
    stop_seconds: float = _setting(20.0, _number(float, 1, 120), "how long a stop waits for what is under way")
    listen: str = _setting("127.0.0.1:8080", _listen, "host:port of /metrics, /healthz and /readyz")
    log_level: str = _setting("info", _level, "debug, info, warning or error")


def flag(name: str) -> str:
    """`account_namespace` -> `--account-namespace`."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """`account_namespace` -> `KITE_OPERATOR_ACCOUNT_NAMESPACE`."""
    return PREFIX + name.upper()


def load_settings(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """The settings from given flags (by field name) and variables; SettingsError lists all that is wrong."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    known = {variable(each.name) for each in fields(Settings)}
    problems += [
        f"{name}: unknown setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.fullmatch(name)
    ]
    for each in fields(Settings):
        text = flags.get(each.name)
        source = flag(each.name) if text is not None else variable(each.name)
        text = environment.get(variable(each.name)) if text is None else text
        if text is None or (text == "" and each.name != "namespaces"):
            continue
        try:
            values[each.name] = each.metadata["parse"](text)
        except ValueError as error:
            problems.append(f"{source}: {error}")
    problems += _cross_checks(values)
    if "account_namespace" not in values:
        if _POD_NAMESPACE.exists():
            values["account_namespace"] = _POD_NAMESPACE.read_text().strip()
        elif not any("account-namespace" in problem or "ACCOUNT_NAMESPACE" in problem for problem in problems):
            problems.append("--account-namespace: required outside a pod")
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**values)


def _cross_checks(values: Mapping[str, Any]) -> Sequence[str]:
    defaults = {each.name: each.default for each in fields(Settings)}
    calls = values.get("calls_per_second", defaults["calls_per_second"])
    probes = values.get("probes_per_second", defaults["probes_per_second"])
    if probes > calls:
        return ["--probes-per-second: must be at most --calls-per-second"]
    return []
