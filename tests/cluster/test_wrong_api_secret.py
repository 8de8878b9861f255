"""A wrong api_secret costs one login, then nothing until the app Secret changes; the password's budget is untouched."""

import json

import pytest

from support.world import World


@pytest.mark.parametrize("consumes", [False, True])
@pytest.mark.parametrize("status", [403, 400])
def test_one_login_then_blocked_until_the_app_secret_changes(world: World, status: int, *, consumes: bool) -> None:
    world.sandbox.switch(bad_checksum_status=status, bad_checksum_consumes_token=consumes)
    operator = world.operator()
    app, account = world.broker()
    world.sources(app, account, api_secret="not-the-secret")
    world.credential()
    world.wait("AppSecretRejected")
    world.wait("AppSecretRejected", "Blocked")
    gauge = f'kite_credential_blocked{{name="alpha",namespace="{world.namespace}"}}'
    world.until(lambda: operator.metric(gauge) == 1.0, "the gauge of the block")
    for _ in range(3):
        world.clock.move(3600)
        world.settle(0.3)
    counters = world.sandbox.counters("AB1234")
    assert (1, 1, 0) == (counters.count("login"), counters.count("session_token"), counters.wrong_entries)
    lease = world.api.get(world.path("leases", "kite-account-ab1234"))
    record = json.loads(lease["metadata"]["annotations"]["kite-operator.dev/account"])
    assert ([], ["AppSecretRejected"]) == (record["attempts"], [each["reason"] for each in record["rejections"]])
    assert ["AppSecretRejected"] == world.events()
    world.secret("alpha-app", api_key=app.api_key, api_secret=app.api_secret)
    world.clock.move(31)
    world.wait("SessionActive")
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
