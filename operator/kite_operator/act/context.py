"""Context of every action: what one reconcile has observed, and what the process remembers of the credential."""

from dataclasses import dataclass

from kite_operator.cluster.gather import Gathered
from kite_operator.decide.observed import Observed
from kite_operator.in_memory import InMemoryState
from kite_operator.model.resource import Credential


@dataclass(frozen=True, slots=True)
class Context:
    """The gathered state, and the in-memory state of the credential.

    An action never changes what was gathered: it returns the state after it in its outcome (`ActOutcome.after`).
    """

    gathered: Gathered
    in_memory: InMemoryState

    @property
    def observed(self) -> Observed:
        """The facts that the decision was based on."""
        return self.gathered.observed

    @property
    def credential(self) -> Credential:
        """The credential of this reconcile."""
        return self.gathered.observed.credential
