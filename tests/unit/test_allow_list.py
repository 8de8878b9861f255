"""Nothing is allowed but what the administrator named: a service, or a host and its ports."""

import pytest

from kite_operator.allow_list import NOTHING, PORTS, SERVICES, Destination, parse_allow_list


def permits(entries: str, scheme: str, host: str = "", port: int = 0) -> bool:
    return any(entry.permits(Destination(scheme, host, port)) for entry in parse_allow_list(entries))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_allowed_by_its_name_alone(service: str) -> None:
    others = ",".join(f"{name}://" for name in SERVICES if name != service)
    assert permits(f"{service}://", service)
    assert not permits(others, service)


@pytest.mark.parametrize("scheme", PORTS)
def test_a_host_is_allowed_on_the_usual_ports_of_its_scheme(scheme: str) -> None:
    entry = f"{scheme}://hooks.example.com"
    for port in PORTS[scheme]:
        assert permits(entry, scheme, "hooks.example.com", port)
        assert permits(entry, scheme, "HOOKS.example.com", port)
    assert not permits(entry, scheme, "hooks.example.com", 6443)


@pytest.mark.parametrize(
    ("entries", "scheme", "host", "port"),
    [
        (NOTHING, "slack", "", 0),
        ("", "https", "hooks.example.com", 443),
        ("https://hooks.example.com", "http", "hooks.example.com", 443),
        ("https://hooks.example.com", "mailtos", "hooks.example.com", 443),
        ("https://hooks.example.com", "https", "hooks.example.com.", 443),
        ("https://hooks.example.com", "https", "hooks.example.com.evil.example", 443),
        ("https://hooks.example.com", "https", "evil-hooks.example.com", 443),
        ("https://hooks.example.com:8443", "https", "hooks.example.com", 443),
        ("https://*.example.com", "https", "example.com", 443),
        ("https://*.example.com", "https", "badexample.com", 443),
        ("https://*.example.com", "https", "evil.example#.example.com", 443),
        ("https://*.example.com", "https", "evil.example/.example.com", 443),
        ("https://*.example.com", "https", "me@evil.example?.example.com", 443),
        ("mailtos://smtp.example.com", "mailto", "smtp.example.com", 465),
    ],
)
def test_what_is_not_named_is_not_allowed(entries: str, scheme: str, host: str, port: int) -> None:
    assert not permits(entries, scheme, host, port)


@pytest.mark.parametrize(
    ("entries", "scheme", "host", "port"),
    [
        ("slack://, https://hooks.example.com:8443", "https", "hooks.example.com", 8443),
        ("https://*.example.com", "https", "a.b.example.com", 443),
        ("http://127.0.0.1:9000/", "http", "127.0.0.1", 9000),
        ("HTTPS://Hooks.Example.com", "https", "hooks.example.com", 443),
    ],
)
def test_what_is_named_is_allowed(entries: str, scheme: str, host: str, port: int) -> None:
    assert permits(entries, scheme, host, port)


@pytest.mark.parametrize(
    "entry",
    [
        "slack",
        "slack://hooks.slack.com",
        "https://",
        "https://*",
        "https://*.",
        "json://hooks.example.com",
        "file:///etc",
        "https://hooks.example.com/path",
        "https://user@hooks.example.com",
        "https://hooks.example.com:0",
        "https://hooks.example.com:65536",
        "https://hooks.example.com:port",
        "slack://,none",
        "dbus://",
    ],
)
def test_an_entry_that_is_none_is_refused_with_what_there_is(entry: str) -> None:
    with pytest.raises(ValueError, match=r"://|port"):
        parse_allow_list(entry)
