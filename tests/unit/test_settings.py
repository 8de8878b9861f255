"""Settings: flags over variables, every problem at once, and nothing unknown passed over."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from kite_operator import settings as module
from kite_operator.settings import Settings, SettingsError, flag, load_settings, variable

NAMED = {"account_namespace": "kite"}


@pytest.fixture(autouse=True)
def outside_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "namespace"
    monkeypatch.setattr(module, "_POD_NAMESPACE", file)
    return file


def problems(flags: Mapping[str, str | None], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environment or {})
    return str(caught.value).splitlines()


def test_without_any_setting_the_defaults_hold() -> None:
    assert Settings(account_namespace="kite") == load_settings(NAMED, {})


def test_a_flag_wins_over_its_variable() -> None:
    environment = {"KITE_OPERATOR_WORKERS": "7", "KITE_OPERATOR_LISTEN": "0.0.0.0:9000"}
    loaded = load_settings(NAMED | {"workers": "5", "listen": None}, environment)
    assert (5, "0.0.0.0:9000") == (loaded.workers, loaded.listen)


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings(account_namespace="kite") == load_settings(NAMED, {"KITE_OPERATOR_WORKERS": ""})


@pytest.mark.parametrize(("text", "names"), [("a,b", ("a", "b")), (" a  b,", ("a", "b")), ("", ())])
def test_namespaces_are_a_list(text: str, names: tuple[str, ...]) -> None:
    assert names == load_settings(NAMED | {"namespaces": text}, {}).namespaces


def test_extra_days_are_sorted_dates_each_once() -> None:
    given = {"extra_sessions": "2026-12-19, 2026-11-08,2026-12-19", "extra_holidays": "2027-01-26"}
    loaded = load_settings(NAMED | given, {})
    assert (date(2026, 11, 8), date(2026, 12, 19)) == loaded.extra_sessions
    assert (date(2027, 1, 26),) == loaded.extra_holidays


def test_a_day_is_not_with_and_without_trading() -> None:
    given = {"extra_sessions": "2026-12-19,2026-11-08,2027-01-02", "extra_holidays": "2026-12-19,2026-11-08"}
    assert ["--extra-sessions and --extra-holidays: both have 2026-11-08, 2026-12-19"] == problems(NAMED | given)


def test_in_a_pod_its_own_namespace_is_the_account_namespace(outside_a_pod: Path) -> None:
    outside_a_pod.write_text("kite-system\n")
    assert "kite-system" == load_settings({}, {}).account_namespace


def test_outside_a_pod_it_has_to_be_given() -> None:
    assert ["--account-namespace: required outside a pod"] == problems({})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("workers", "many", "must be a number"),
        ("class_name", "Desk", "'Desk' is not a class name: lower case letters, digits and -, at most 63"),
        ("namespace_client_ids", "on", "must be one of off, optional, required"),
        ("workers", "0", "must be between 1 and 200"),
        ("workers", "1.5", "must be a number"),
        ("calls_per_second", "nan", "must be between 0.1 and 10"),
        ("probes_per_second", "4", "must be at most --calls-per-second"),
        ("api_url", "http://api.example", "must be https"),
        ("api_url", "ftp://api.example", "must be a base address"),
        ("api_url", "https://api.example/v3", "must be a base address"),
        ("login_url", "https://user:pass@kite.example", "must not hold a user or password"),
        ("listen", "8080", "must be host:port"),
        ("listen", "localhost:99999", "must be host:port"),
        ("log_level", "loud", "must be one of"),
        ("namespaces", "Desk", "is not a namespace name"),
        ("account_namespace", "kite_system", "is not a namespace name"),
        ("extra_sessions", "8 November", "'8', 'November': must be days such as 2026-11-08"),
        ("extra_sessions", "2026-11-08,2026-02-29,20261108", "'2026-02-29', '20261108': must be days"),
        ("extra_holidays", "0026-11-08", "'0026-11-08': must be days"),
        ("extra_holidays", "2062-W01-1,2206-01-01", "'2062-W01-1', '2206-01-01': must be days"),
    ],
)
def test_a_bad_value_is_told_by_its_flag(name: str, text: str, told: str) -> None:
    [problem] = problems(NAMED | {name: text})
    assert problem.startswith(f"{flag(name)}: ")
    assert told in problem


def test_a_bad_variable_is_told_by_its_name() -> None:
    assert ["KITE_OPERATOR_WORKERS: must be a number"] == problems(dict(NAMED), {"KITE_OPERATOR_WORKERS": "x"})


def test_every_problem_is_told_at_once() -> None:
    told = problems({"workers": "x", "listen": "y"}, {"KITE_OPERATOR_LOG_LEVEL": "z", "KITE_OPERATOR_WROKERS": "1"})
    assert ["KITE_OPERATOR_WROKERS", "--workers", "--listen", "KITE_OPERATOR_LOG_LEVEL", "--account-namespace"] == [
        problem.partition(":")[0] for problem in told
    ]


@pytest.mark.parametrize("text", ["http://127.0.0.1:7000", "http://sandbox.kite.svc:80/", "https://api.example:8443"])
def test_base_addresses_lose_their_last_slash(text: str) -> None:
    assert text.rstrip("/") == load_settings(NAMED | {"api_url": text}, {}).api_url


@pytest.mark.parametrize(
    "name",
    [
        "KITE_OPERATOR_SERVICE_HOST",
        "KITE_OPERATOR_SERVICE_PORT",
        "KITE_OPERATOR_SERVICE_PORT_METRICS",
        "KITE_OPERATOR_PORT",
        "KITE_OPERATOR_PORT_8080_TCP",
        "KITE_OPERATOR_PORT_8080_TCP_ADDR",
        "KITE_OPERATOR_LOGIN_SERVICE_HOST",
        "KITE_OPERATOR_LOGIN_PORT_443_TCP_PROTO",
    ],
)
def test_the_variables_that_the_kubelet_makes_of_our_own_services_are_no_settings(name: str) -> None:
    assert Settings(account_namespace="kite") == load_settings(NAMED, {name: "tcp://10.0.0.1:8080"})


def test_no_setting_has_the_name_of_such_a_variable() -> None:
    assert not any(module._SERVICE_LINK.fullmatch(variable(name)) for name in Settings.__dataclass_fields__)


PAGE = NAMED | {"login_listen": "0.0.0.0:8090", "login_public_url": "https://kite-login.example.com/"}
PROXY = PAGE | {"login_auth": "proxy", "login_trusted_proxies": "10.42.0.0/16 fd00::/64"}


def test_a_login_page_needs_where_it_listens_and_its_public_address() -> None:
    loaded = load_settings(PAGE, {})
    assert ("0.0.0.0:8090", "https://kite-login.example.com") == (loaded.login_listen, loaded.login_public_url)
    assert ("passphrase", "kite-login-passphrase") == (loaded.login_auth, loaded.login_passphrase_secret)


def test_a_proxy_in_front_is_trusted_by_its_networks() -> None:
    assert ("10.42.0.0/16", "fd00::/64") == load_settings(PROXY, {}).login_trusted_proxies


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (NAMED | {"login_listen": "0.0.0.0:8090"}, ["--login-public-url"]),
        (
            NAMED | {"login_public_url": "https://a.example", "login_auth": "proxy"},
            ["--login-public-url", "--login-auth"],
        ),
        (PAGE | {"listen": "0.0.0.0:8090"}, ["--login-listen"]),
        (PAGE | {"login_auth": "proxy"}, ["--login-trusted-proxies"]),
        (PAGE | {"login_user_header": "X-User"}, ["--login-user-header"]),
        (PROXY | {"login_passphrase_secret": "own"}, ["--login-passphrase-secret"]),
        (PROXY | {"namespaces": "desk"}, ["--login-auth"]),
        (
            NAMED
            | {"login_listen": "0.0.0.0:8080", "listen": "0.0.0.0:8080", "login_auth": "proxy", "namespaces": "a"},
            ["--login-public-url", "--login-listen", "--login-trusted-proxies", "--login-auth"],
        ),
    ],
)
def test_settings_of_the_login_page_that_do_not_go_together_are_told_at_once(
    given: dict[str, str], flags: list[str]
) -> None:
    assert flags == [problem.partition(":")[0] for problem in problems(given)]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("login_public_url", "http://desk.example", "must begin with https://"),
        ("login_public_url", "https://desk.example/?a=b", "without user, query and fragment"),
        ("login_public_url", "https://desk.example/a b", "must have a plain path"),
        ("login_public_url", "https://desk.example/a/../b//c", "must have a plain path"),
        ("login_auth", "none", "must be one of passphrase, proxy"),
        ("login_passphrase_secret", "a/b", "is not the name of a Secret"),
        ("login_user_header", "X User", "must be the name of a header"),
        ("login_trusted_proxies", "10.0.0.0/33", "is not a network"),
        ("login_trusted_proxies", "0.0.0.0/0", "trusts everybody"),
    ],
)
def test_a_bad_value_for_the_login_page_is_told(name: str, text: str, told: str) -> None:
    assert any(problem.startswith(f"{flag(name)}: ") and told in problem for problem in problems(PAGE | {name: text}))
