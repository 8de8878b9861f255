"""The text of KEEP=1: how to look at what was left running, how to break it, and how to end it."""

import shlex

from demo.context import NAMESPACE, DemoContext


def instructions(context: DemoContext) -> str:
    """Shell commands under comments, to be pasted as they are; a test runs them all."""
    plane, actors, sample = context.plane, context.actors, context.sample
    name, admin = sample.name, context.sandbox.admin_url
    account = f"{admin}/admin/accounts/{sample.client_id}"
    clock = shlex.quote(str(context.clock.file))
    kubeconfig, tools = shlex.quote(str(plane.kubeconfig)), shlex.quote(str(plane.kubectl.parent))
    return f"""\
# kubectl for this control plane
export KUBECONFIG={kubeconfig} PATH={tools}:$PATH

# Look around (Events seem to be of the future: their times are the operator's, whose clock is ahead)
kubectl get kitecredentials --namespace {NAMESPACE}
kubectl describe kitecredential {name} --namespace {NAMESPACE}
kubectl describe secret {sample.target} --namespace {NAMESPACE}
curl -s {actors.operator_url}/metrics
tail {shlex.quote(str(actors.operator_log))}
curl -s {account}/counters

# Kill the token: the client ends all sessions at Kite; asked to look, the operator finds out and logs in again
curl -s -X POST {account}/master-logout
kubectl annotate kitecredential {name} --namespace {NAMESPACE} kite-operator.dev/refresh=one --overwrite

# Break the password: the client changes it at Kite; the operator tries the old one once, then never again
curl -s -X POST {account}/credentials -d '{{"password": "changed-at-kite"}}'
kubectl annotate kitecredential {name} --namespace {NAMESPACE} kite-operator.dev/refresh=two --overwrite

# Move both clocks to three days from now (in seconds)
curl -s -X PUT {admin}/admin/clock -d '{{"offset_seconds": 259200}}'
echo 259200 > {clock}.new && mv {clock}.new {clock}

# End everything
kill {actors.supervisor_pid} {plane.supervisor_pid}"""
