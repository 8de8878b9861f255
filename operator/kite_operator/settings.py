"""The operator's settings: flags, or environment variables of the same name; every problem is reported at once.

A flag `--account-namespace` is the variable `KITE_OPERATOR_ACCOUNT_NAMESPACE`; the flag wins. Documented in
docs/settings.md, which a test compares with this module.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from kite_operator import setting_values as kinds
from kite_operator.allow_list import Allowed, parse_allow_list

PREFIX = "KITE_OPERATOR_"
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
CLIENT_ID_RULES = ("off", "optional", "required")
_FORMS = ("text", "json")
_LEVELS = ("debug", "info", "warning", "error")
_AUTHS = ("passphrase", "proxy")


_SERVICE_LINK = re.compile(
    r"KITE_OPERATOR_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)"
)
"""Variables that the kubelet sets in pods beside a Service named kite-operator…: they are no settings."""


class SettingsError(ValueError):
    """Unusable settings; the message lists every problem, one a line."""


def _setting(default: Any, parse: Callable[[str], Any], text: str) -> Any:
    return field(default=default, metadata={"parse": parse, "help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the composition root; every field is a flag and a variable."""

    kubeconfig: str = _setting("", str, "kubeconfig file; without one, the pod's service account")
    namespaces: tuple[str, ...] = _setting(
        (), kinds.namespaces, "namespaces to watch, separated by commas; none: all of them"
    )
    leader_lease: str = _setting(
        "",
        kinds.lease_name,
        "Lease in the account namespace by which replicas choose who works; none: this process does",
    )
    class_name: str = _setting(
        "", kinds.class_name, "the spec.className of the credentials to handle; none: those without a class"
    )
    namespace_client_ids: str = _setting(
        "optional",
        kinds.OneOf(CLIENT_ID_RULES),
        "annotation kite-operator.dev/client-ids of a Namespace: off, optional (where it stands) or required",
    )
    account_namespace: str = _setting(
        "", kinds.namespace, "where account Leases and kite-operator-keys live; the pod's own namespace when not given"
    )
    api_url: str = _setting("https://api.kite.trade", kinds.url, "base address of the Kite Connect API")
    login_url: str = _setting("https://kite.zerodha.com", kinds.url, "base address of the Kite login")
    target_metadata_prefixes: tuple[str, ...] = _setting(
        (),
        kinds.prefixes,
        "prefixes (before the /) that labels and annotations in spec.target may have; none by default",
    )
    extra_sessions: tuple[date, ...] = _setting(
        (), kinds.dates, "days that are trading days all the same (Muhurat, special Saturdays), separated by commas"
    )
    extra_holidays: tuple[date, ...] = _setting(
        (), kinds.dates, "days without trading that the recorded holidays do not have, separated by commas"
    )
    notify_allow: tuple[Allowed, ...] = _setting(
        parse_allow_list("slack://,tgram://,discord://,gchat://,pover://,pagerduty://"),
        parse_allow_list,
        "where notification URLs may go: services (slack://) and hosts (https://hooks.example.com), or none",
    )
    allow_rollout_restarts: bool = _setting(
        False,  # noqa: FBT003 - a default among defaults
        kinds.truth,
        "true lets spec.rollout restart workloads that consent to it; the operator then needs rights on workloads",
    )
    workers: int = _setting(20, kinds.Number(int, 1, 200), "credentials worked on at a time")
    broker_threads: int = _setting(16, kinds.Number(int, 1, 128), "threads for calls of the official Kite client")
    calls_per_second: float = _setting(
        3.0, kinds.Number(float, 0.1, 10), "calls to the Kite API a second and api_key, in all"
    )
    probes_per_second: float = _setting(1.0, kinds.Number(float, 0.05, 10), "of these, probes of published tokens")
    broker_timeout_seconds: float = _setting(
        10.0, kinds.Number(float, 1, 30), "longest wait for an answer of the broker"
    )
    kubernetes_timeout_seconds: float = _setting(15.0, kinds.Number(float, 1, 120), "longest wait for the API server")
    resync_seconds: float = _setting(300.0, kinds.Number(float, 10, 3600), "how often everything is listed anew")
    stop_seconds: float = _setting(20.0, kinds.Number(float, 1, 120), "how long a stop waits for what is under way")
    listen: str = _setting("127.0.0.1:8080", kinds.listen, "host:port of /metrics, /healthz and /readyz")
    login_listen: str = _setting("", kinds.listen, "host:port of the login page; without it there is no login page")
    login_public_url: str = _setting(
        "", kinds.public_url, "the login page as browsers see it; an app's redirect URL is this and /callback"
    )
    login_auth: str = _setting("passphrase", kinds.OneOf(_AUTHS), "who may use the login page: passphrase or proxy")
    login_passphrase_secret: str = _setting(
        "kite-login-passphrase",
        kinds.secret_name,
        "Secret of the account namespace whose key passphrase opens the page",
    )
    login_trusted_proxies: tuple[str, ...] = _setting(
        (), kinds.networks, "networks of the proxies whose headers are believed; required with --login-auth proxy"
    )
    login_user_header: str = _setting(
        "X-Forwarded-User", kinds.header, "header in which a trusted proxy names the person, with --login-auth proxy"
    )
    login_groups_header: str = _setting(
        "X-Forwarded-Groups", kinds.header, "header in which it names the person's groups, separated by commas"
    )
    report_listen: str = _setting("", kinds.listen, "host:port where consumers report dead tokens; off when not given")
    report_audience: str = _setting(
        "kite-operator", kinds.audience, "audience that a consumer's ServiceAccount token must have been made for"
    )
    report_tls_cert: str = _setting("", str, "file of the certificate for --report-listen; plain HTTP when not given")
    report_tls_key: str = _setting("", str, "file of that certificate's key")
    log_level: str = _setting("info", kinds.OneOf(_LEVELS, any_case=True), "debug, info, warning or error")
    log_format: str = _setting("text", kinds.OneOf(_FORMS, any_case=True), "text or json")
    audit_log: str = _setting(
        "", kinds.writable, "file to which each login attempt is added as one line of JSON; none: off"
    )
    tracing: bool = _setting(
        False,  # noqa: FBT003 - a default among defaults
        kinds.truth,
        "true sends spans of each refresh by OTLP/HTTP to OTEL_EXPORTER_OTLP_ENDPOINT; needs the extra tracing",
    )


def flag(name: str) -> str:
    """Return the flag: `account_namespace` -> `--account-namespace`."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """Return the variable: `account_namespace` -> `KITE_OPERATOR_ACCOUNT_NAMESPACE`."""
    return PREFIX + name.upper()


def load_settings(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Return the settings from given flags (by field name) and variables; SettingsError lists every problem."""
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
    effective: dict[str, Any] = {each.name: each.default for each in fields(Settings)}
    effective.update(values)
    problems = []
    if effective["probes_per_second"] > effective["calls_per_second"]:
        problems.append("--probes-per-second: must be at most --calls-per-second")
    both = set(effective["extra_sessions"]) & set(effective["extra_holidays"])
    if both:
        problems.append(f"--extra-sessions and --extra-holidays: both have {', '.join(map(str, sorted(both)))}")
    return problems + _login_checks(values, effective) + _report_checks(values, effective)


def _report_checks(given: Mapping[str, Any], effective: Mapping[str, Any]) -> list[str]:
    """Return the problems between the settings of reports."""
    if not effective["report_listen"]:
        alone = [name for name in given if name.startswith("report_") and name != "report_listen"]
        return [f"{flag(name)}: has no meaning without --report-listen" for name in alone]
    problems = []
    if effective["namespaces"]:
        problems.append("--report-listen: not with --namespaces: to know who reports takes rights in the whole cluster")
    if effective["report_listen"] in (effective["listen"], effective["login_listen"]):
        problems.append("--report-listen: must differ from --listen and --login-listen")
    if ("report_tls_cert" in given) != ("report_tls_key" in given):
        problems.append("--report-tls-cert: a certificate and its key are given together")
    return problems


_OF_PASSPHRASE = ("login_passphrase_secret",)
_OF_PROXY = ("login_user_header", "login_groups_header")


def _login_checks(given: Mapping[str, Any], effective: Mapping[str, Any]) -> list[str]:
    """Return the problems between the settings of the login page."""
    if not effective["login_listen"]:
        alone = [name for name in given if name.startswith("login_") and name not in ("login_url", "login_listen")]
        return [f"{flag(name)}: has no meaning without --login-listen" for name in alone]
    problems = []
    if not effective["login_public_url"]:
        problems.append("--login-public-url: required with --login-listen: the address that browsers use")
    if effective["login_listen"] == effective["listen"]:
        problems.append("--login-listen: must differ from --listen, which has no authentication")
    by_proxy = effective["login_auth"] == "proxy"
    foreign = _OF_PASSPHRASE if by_proxy else _OF_PROXY
    problems += [
        f"{flag(name)}: has no meaning with --login-auth {effective['login_auth']}" for name in foreign if name in given
    ]
    if by_proxy and not effective["login_trusted_proxies"]:
        problems.append("--login-trusted-proxies: required with --login-auth proxy: anybody could send its headers")
    if by_proxy and effective["namespaces"]:
        problems.append(
            "--login-auth: proxy asks the API server what a person may do, which needs a right on the whole cluster: "
            "with --namespaces use passphrase"
        )
    return problems
