"""The steps of the demo, in order. Each does one thing, shows real output, and returns what it has verified."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from demo import broker
from demo.actors import ACCOUNT_NAMESPACE, ROOT
from demo.checks import Derived, Standing, expect, require, require_reasons
from demo.context import NAMESPACE, DemoContext, started
from demo.errors import NotVerified
from demo.screen import Step
from kite_operator.model.expiry import IST, at_time

CRD: Final = "customresourcedefinition/kitecredentials.kite-operator.dev"
_MORNING: Final = time(10, 0)
_FLUSH: Final = time(6, 0)
_AFTER_FLUSH: Final = time(6, 6)
"""The operator probes within five minutes of 06:00, each credential at its own share of them."""
_PRE_OPEN: Final = time(9, 0)
_LOGIN_SECONDS: Final = 45.0
"""A code's window may have to be awaited: 30 seconds."""
_NOTICE_SECONDS: Final = 20.0
_SILENCE_SECONDS: Final = 60.0
"""Twice the longest sleep of the operator's scheduler."""
_PROGRESS: Final = "kite_operator_last_progress_timestamp_seconds"
_SHOWN_METRICS: Final = (
    "kite_credential_ready",
    "kite_credential_authenticated",
    "kite_credential_blocked",
    "kite_credential_failures",
    "kite_credential_token_expiry_timestamp_seconds",
    "kite_credential_next_refresh_timestamp_seconds",
    "kite_credential_info",
)


def in_words(moment: datetime) -> str:
    """A time as people in India say it."""
    return f"{moment.astimezone(IST):%a %d %b, %H:%M:%S} IST"


@dataclass(slots=True)
class Story:
    """The steps, and what they hand on to each other."""

    context: DemoContext
    day: date
    _first: Derived | None = field(default=None, init=False)
    _planned: datetime | None = field(default=None, init=False)

    def steps(self) -> list[Step]:
        """All steps but the last, which depends on whether everything is to be kept."""
        return [
            Step("Start a Kubernetes control plane on this machine", self.start_control_plane),
            Step("Start the sandbox, a made-up Kite that no real account is behind", self.start_sandbox),
            Step("Install the KiteCredential resource", self.install_resource),
            Step("Apply the sample: a KiteCredential and the Secrets that it names", self.apply_sample),
            Step("Start the operator", self.start_operator),
            Step("Wait until the operator has logged in by itself", self.first_login),
            Step("Look at the Secret that trading pods mount", self.derived_secret),
            Step("Call Kite as a trading pod does, with the official client and this Secret's token", self.call_kite),
            Step("Read the operator's metrics", self.metrics),
            Step("Move the clocks past 06:00 of the next day, when Kite ends every session", self.flush),
            Step("Move the clocks to the planned refresh: the operator logs in again", self.refresh),
            Step("Ask Kite what reached it", self.calls_at_kite),
        ]

    def start_control_plane(self) -> str:
        """The real Kubernetes."""
        context = self.context
        context.screen.say("etcd, kube-apiserver and kube-controller-manager, on loopback, with data of their own.")
        context.screen.say(
            "It takes about 5 seconds; the first time ever, its programs are built from source: minutes."
        )
        context.start_control_plane()
        context.kubectl.show("version")
        expect(context.kubectl.show("get", "--raw", "/readyz").strip(), "ok", "/readyz")
        return f"the API server at {context.plane.server} is ready"

    def start_sandbox(self) -> str:
        """The fake Kite, with the account that the sample logs in to, at ten in the morning."""
        context = self.context
        context.start_sandbox()
        morning = at_time(self.day, _MORNING)
        context.clock.move_to(morning)
        context.screen.say(
            f"Its clock says {in_words(context.clock.now())}, so that the demo is the same at every hour."
        )
        context.screen.evidence(f"API    {context.sandbox.api_url}\nlogin  {context.sandbox.login_url}")
        expect(context.calls(), {}, "calls before the operator runs")
        return f"it knows the sample's app and client {context.sample.client_id}, and nobody has called it"

    def install_resource(self) -> str:
        """The CRD, as an administrator installs it."""
        context = self.context
        context.kubectl.show("apply", "--server-side", "--kustomize", "deploy/crd")
        context.kubectl.show("wait", "--for=condition=Established", "--timeout=60s", CRD)
        return "Kubernetes knows KiteCredentials"

    def apply_sample(self) -> str:
        """The very file of deploy/samples, as a user applies it."""
        context = self.context
        context.kubectl.show("create", "namespace", NAMESPACE)
        context.kubectl.show("apply", "--namespace", NAMESPACE, "--filename", _short(context.sample.file))
        require(truth=context.read("kitecredential", context.sample.name) is not None, otherwise="no KiteCredential")
        require(
            truth=context.read("secret", context.sample.target) is None, otherwise="the derived Secret exists already"
        )
        return f"KiteCredential {context.sample.name} is stored; Secret {context.sample.target} does not exist yet"

    def start_operator(self) -> str:
        """The real operator, by the test entry point that can move its clock."""
        context = self.context
        context.kubectl.show("create", "namespace", ACCOUNT_NAMESPACE)
        context.screen.say("It is pointed at the sandbox, and composed with a clock that this demo can move.")
        answer = context.start_operator()
        context.screen.command(f"curl -s {context.actors.operator_url}/readyz")
        context.screen.evidence(answer)
        return "the operator runs and has seen everything"

    def first_login(self) -> str:
        """Ready, with an expiry at the next 06:00 IST and a next refresh before the pre-open."""
        context = self.context
        standing = context.wait_for("the login", lambda now: now.ready, _LOGIN_SECONDS)
        context.table()
        day = context.clock.now().astimezone(IST).date() + timedelta(days=1)
        expect(standing.user_id, context.sample.client_id, "status.userID")
        expect(standing.expires, at_time(day, _FLUSH), "status.expiresTime")
        self._planned = standing.next_refresh
        in_time = self._planned is not None and at_time(day, _FLUSH) < self._planned < at_time(day, _PRE_OPEN)
        require(truth=in_time, otherwise=f"the next refresh is not before the market opens: {self._planned}")
        return "Ready is True; the token is good until 06:00 tomorrow, its successor planned before the market opens"

    def derived_secret(self) -> str:
        """Its exact keys, its owner, and what must never be in it."""
        context = self.context
        context.screen.command(f"kubectl get secret {context.sample.target} --namespace {NAMESPACE}    # values masked")
        secret = context.read("secret", context.sample.target)
        self._first = Derived.of(secret)
        context.screen.evidence(self._first.masked())
        expect(self._first.user_id, context.sample.client_id, "user_id")
        require(
            truth=not any(self._first.holds(each) for each in (context.sample.api_secret, context.sample.password)),
            otherwise="the derived Secret holds the api_secret or the password",
        )
        owners = [each["name"] for each in (secret or {})["metadata"]["ownerReferences"]]
        expect(owners, [context.sample.name], "ownerReferences")
        return "exactly these four keys, owned by the KiteCredential; neither the api_secret nor the password in it"

    def call_kite(self) -> str:
        """The token works in the official client."""
        context = self.context
        context.screen.command("KiteConnect(api_key, access_token, root=…).profile()")
        user = broker.user_of(started(self._first), context.sandbox.api_url)
        context.screen.evidence(f"user_id: {user}")
        expect(user, context.sample.client_id, "profile()")
        return f"the token works, and belongs to {user}"

    def metrics(self) -> str:
        """The gauges agree with the status."""
        context = self.context
        context.screen.command(f"curl -s {context.actors.operator_url}/metrics    # some of its lines")
        scrape = context.agreeing_metrics(context.standing())
        lines = scrape.lines(_SHOWN_METRICS, namespace=NAMESPACE, name=context.sample.name)
        context.screen.evidence("\n".join([*lines, *scrape.lines(["kite_operator_refresh_attempts_total"])]))
        require(
            truth=abs(context.clock.now().timestamp() - scrape.value(_PROGRESS)) < _SILENCE_SECONDS,
            otherwise="the operator makes no progress",
        )
        return "the metrics say what the status says, and the operator makes progress"

    def flush(self) -> str:
        """The flush kills the token, and the operator waits for its time."""
        context = self.context
        day = context.clock.now().astimezone(IST).date() + timedelta(days=1)
        context.clock.move_to(at_time(day, _AFTER_FLUSH))
        context.screen.say(f"It is {in_words(context.clock.now())}.")
        refused = broker.is_refused(started(self._first), context.sandbox.api_url)
        require(truth=refused, otherwise="yesterday's token still works after 06:00")
        context.screen.say("The official client gets a TokenException with yesterday's token.")
        context.wait_for("the operator to notice", lambda now: now.reason == "TokenExpired", _NOTICE_SECONDS)
        context.table()
        expect(context.calls().get("login"), 1, "logins")
        return "yesterday's token is dead; the operator says so, and logs in only when Kite's flush is surely over"

    def refresh(self) -> str:
        """At that time a new token comes, and only then."""
        context = self.context
        before = context.standing().last_refresh
        if self._planned is None:
            raise NotVerified("no refresh is planned")
        context.clock.move_to(self._planned + timedelta(seconds=1))
        context.screen.say(f"It is {in_words(context.clock.now())}, a second after the planned refresh.")
        standing = context.wait_for("the new token", lambda now: now.ready, _LOGIN_SECONDS)
        context.table()
        self._require_new_token(standing, before)
        require_reasons(context.events(), "Refreshed", 2)
        context.agreeing_metrics(standing)
        return "a new token was proven and published; the old one stays dead; the official client works again"

    def calls_at_kite(self) -> str:
        """No more logins than were needed."""
        context = self.context
        calls, counters = context.calls(), context.counters()
        context.screen.say("Its own count of this client's calls; of those of profile, some are this demo's.")
        context.screen.evidence("\n".join(f"{step:<14} {count}" for step, count in calls.items()))
        expect(calls.get("login"), 2, "passwords that were sent")
        expect(calls.get("twofa"), 2, "codes that were sent")
        expect((counters["wrong_passwords"], counters["wrong_codes"]), (0, 0), "wrong entries")
        return "two days, two logins, not one wrong entry"

    def _require_new_token(self, standing: Standing, before: datetime | None) -> None:
        context, first, new = self.context, started(self._first), self.context.derived()
        require(truth=new.access_token != first.access_token, otherwise="the derived Secret's token is the old one")
        require(truth=standing.last_refresh not in (None, before), otherwise="status.lastRefreshTime is the old one")
        day = context.clock.now().astimezone(IST).date() + timedelta(days=1)
        expect(standing.expires, at_time(day, _FLUSH), "status.expiresTime")
        user = broker.user_of(new, context.sandbox.api_url)
        expect(user, context.sample.client_id, "profile()")
        require(truth=broker.is_refused(first, context.sandbox.api_url), otherwise="the old token works again")
        context.screen.say(f"The derived Secret holds another token: profile() with it gives user_id {user}.")


def stop_everything(context: DemoContext) -> Step:
    """The last step of a run that ends by itself."""

    def act() -> str:
        pids = [*context.actors.processes.values(), *context.plane.processes.values()]
        pids += [context.actors.supervisor_pid, context.plane.supervisor_pid]
        expect(context.actors.stop("operator"), 0, "the operator's exit code")
        expect(context.actors.stop("sandbox"), 0, "the sandbox's exit code")
        context.cleanup.close()
        require_ended(pids)
        return f"all {len(pids)} processes have ended; the operator finished with exit code 0"

    return Step("Stop everything", act)


def require_ended(pids: Sequence[int]) -> None:
    """NotVerified when one of the processes is still there."""
    left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    require(truth=not left, otherwise=f"still running: {left}")


def _short(file: Path) -> str:
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
