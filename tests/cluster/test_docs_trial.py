"""The trial of docs/install.md: its seed fits the sample, and with both the operator gets a token."""

import yaml

from support.controlplane import Kubectl
from support.documents import ROOT, blocks, page, section
from support.world import World

(VALUES,) = map(yaml.safe_load, blocks(section(page("docs/install.md"), "Try it out"), "yaml"))
SEED = VALUES["sandbox"]["seed"]


def test_the_sample_gets_a_token_of_a_sandbox_with_this_seed(world: World, kubectl: Kubectl) -> None:
    world.sandbox.admin("POST", "/admin/registry", SEED)  # it takes what --seed takes
    world.secrets_made += [
        SEED["apps"][0]["api_secret"],
        *(SEED["accounts"][0][key] for key in ("password", "totp_secret")),
    ]
    world.operator()
    sample = ROOT / "deploy" / "samples" / "totp.yaml"
    kubectl("apply", "--namespace", world.namespace, "--filename", str(sample))
    world.wait("SessionActive", name="bravo")
    assert SEED["accounts"][0]["client_id"] == (world.target("bravo-kite-token") or {})["user_id"]
    assert 1 == world.sandbox.counters("CD5678").count("login")
