"""docs/login-page.md leads to what the chart makes: the Service, its port, and the right behind a proxy."""

import re

import yaml

from support.documents import blocks, page, section
from support.helm import Helm, arguments, of_kind, one

PAGE = page("docs/login-page.md")
VALUES, INGRESS = (yaml.safe_load(text) for text in blocks(section(PAGE, "Set it up"), "yaml")[:2])


def test_the_values_of_the_page_say_what_its_flags_say(helm: Helm) -> None:
    text = blocks(section(PAGE, "Set it up"), "text")[0]
    told = {name.replace("-", "_"): value for name, value in re.findall(r"--([a-z-]+) (\S+)", text)}
    made = arguments(helm.render(VALUES))
    assert told == {name: value for name, value in made.items() if name.startswith("login_")}


def test_the_ingress_of_the_page_leads_to_the_service_of_the_chart(helm: Helm) -> None:
    made = helm.render(VALUES | {"ingress": {"enabled": True}})
    (rule,) = INGRESS["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert one(made, "Ingress")["spec"]["rules"][0]["http"]["paths"] == [path]
    service = one(made, "Service", path["backend"]["service"]["name"])
    assert [path["backend"]["service"]["port"]["name"]] == [port["name"] for port in service["spec"]["ports"]]


def test_the_forwarded_port_is_that_of_the_service(helm: Helm) -> None:
    (name, here, there), *others = re.findall(r"port-forward -n kite-operator service/(\S+) (\d+):(\d+)", PAGE)
    assert ([], 1) == (others, PAGE.count("port-forward -n"))
    assert [int(there)] == [port["port"] for port in one(helm.render(VALUES), "Service", name)["spec"]["ports"]]
    assert f"http://localhost:{here}/callback" in PAGE


def test_the_right_behind_a_proxy_is_the_one_that_the_chart_gives(helm: Helm) -> None:
    proxy = {"settings": VALUES["settings"] | {"loginAuth": "proxy"}}
    (role,) = [yaml.safe_load(text) for text in blocks(section(PAGE, "Behind an authenticating proxy"), "yaml")]
    rules = [rule for made in of_kind(helm.render(VALUES | proxy), "ClusterRole") for rule in made["rules"]]
    assert role["rules"] == [rule for rule in rules if rule["apiGroups"] == ["authorization.k8s.io"]]
