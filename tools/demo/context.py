"""Context of the demo's steps: the started processes, and access to the cluster, the operator and Kite."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from demo.actors import ROOT, Actors, Clock, Sandbox, get
from demo.checks import Derived, Scrape, Standing, expect, require_metrics
from demo.errors import NotVerified
from demo.kubectl import Kubectl
from demo.sample import Sample
from demo.screen import Screen
from devcluster import ControlPlane, Options

T = TypeVar("T")

NAMESPACE: Final = "trading"
_METRICS_SECONDS: Final = 10.0
_EVENT_COLUMNS: Final = "TIME:.lastTimestamp,TYPE:.type,REASON:.reason,MESSAGE:.message"


@dataclass(slots=True)
class DemoContext:
    """Everything that is started here ends with `cleanup`. What has not been started yet raises NotVerified.

    Only what is `kept` gets controllers, for a person who deletes things: the story has no use for them, and their
    program is in no release archive.
    """

    sample: Sample
    screen: Screen
    actors: Actors
    cleanup: ExitStack
    kept: bool = False
    _plane: ControlPlane | None = field(default=None, init=False)
    _sandbox: Sandbox | None = field(default=None, init=False)
    _clock: Clock | None = field(default=None, init=False)

    @property
    def plane(self) -> ControlPlane:
        """The control plane."""
        return started(self._plane)

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox."""
        return started(self._sandbox)

    @property
    def clock(self) -> Clock:
        """The clock of sandbox and operator."""
        return started(self._clock)

    @property
    def kubectl(self) -> Kubectl:
        """The kubectl of the control plane."""
        return Kubectl(self.plane, self.screen, ROOT)

    def start_control_plane(self) -> None:
        """One of our own, whatever cluster the environment names."""
        options = Options(controllers=self.kept, kubeconfig=None, progress=self.screen.stream)
        self._plane = self.cleanup.enter_context(ControlPlane.start(options))

    def start_sandbox(self) -> None:
        """With the sample's app and account."""
        self._sandbox, self._clock = self.actors.start_sandbox(self.sample, self.screen)

    def start_operator(self) -> str:
        """Returns what its /readyz says."""
        return self.actors.start_operator(self.plane.kubeconfig, self.clock, self.screen)

    def read(self, resource: str, name: str) -> dict[str, Any] | None:
        """An object of the sample's namespace, or None."""
        return self.kubectl.read(resource, name, NAMESPACE)

    def standing(self) -> Standing:
        """The credential's status now."""
        return Standing.of(self.read("kitecredential", self.sample.name))

    def derived(self) -> Derived:
        """The derived Secret now; NotVerified when its keys are not the documented ones."""
        return Derived.of(self.read("secret", self.sample.target))

    def table(self) -> None:
        """Show the KiteCredentials as kubectl shows them."""
        self.kubectl.show("get", "kitecredentials", "--namespace", NAMESPACE)

    def events(self) -> list[dict[str, Any]]:
        """Show the Events about KiteCredentials, and return them."""
        which = ("--namespace", NAMESPACE, "--field-selector", "involvedObject.kind=KiteCredential")
        columns = ("--sort-by", ".lastTimestamp", "--output", f"custom-columns={_EVENT_COLUMNS}")
        self.kubectl.show("get", "events", *which, *columns)
        items: list[dict[str, Any]] = json.loads(self.kubectl.ask("get", "events", *which, "--output", "json"))["items"]
        return items

    def wait_for(self, what: str, holds: Callable[[Standing], bool], seconds: float) -> Standing:
        """The status once it is so; NotVerified with the condition Ready when it does not become so."""
        seen = Standing.of(None)

        def look() -> Standing | None:
            nonlocal seen
            self.actors.require_running("operator")
            seen = self.standing()
            return seen if holds(seen) or seen.is_hopeless else None

        try:
            self.screen.wait(what, look, seconds=seconds)
        except NotVerified as error:
            raise NotVerified(f"{error} (Ready is {seen.ready}: {seen.reason or 'no reason yet'})") from None
        if not holds(seen):
            raise NotVerified(f"{seen.reason}: {seen.message}")
        return seen

    def agreeing_metrics(self, standing: Standing) -> Scrape:
        """The metrics once they say what the status says, which is written a moment before them."""
        differs = ""

        def look() -> Scrape | None:
            nonlocal differs
            status, text = get(f"{self.actors.operator_url}/metrics")
            expect(status, 200, "/metrics")
            try:
                require_metrics(Scrape(text), standing, NAMESPACE, self.sample.name)
            except NotVerified as error:
                differs = str(error)
                return None
            return Scrape(text)

        try:
            return self.screen.wait("the metrics", look, seconds=_METRICS_SECONDS)
        except NotVerified as error:
            raise NotVerified(f"{error} ({differs})") from None

    def counters(self) -> Mapping[str, Any]:
        """The sandbox's own account of the client."""
        counted: Mapping[str, Any] = self.sandbox.admin("GET", f"/admin/accounts/{self.sample.client_id}/counters")
        return counted

    def calls(self) -> dict[str, int]:
        """Return how often the client was called for, by step."""
        return {step: seen["calls"] for step, seen in self.counters()["steps"].items() if seen["calls"]}


def started(thing: T | None) -> T:
    """The thing, which an earlier step must have made."""
    if thing is None:
        raise NotVerified("an earlier step did not run")
    return thing
