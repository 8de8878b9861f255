"""Desired state in memory: the existing credentials, the names in their specs, and the grants that wait for them.

Only names are held, never a Secret's data (P8). Every method that learns of a change returns the credentials to
reconcile because of it.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kite_operator.cluster.gather import Hints
from kite_operator.cluster.owned import GRANT, SOURCE, TARGET
from kite_operator.in_memory import InMemoryStates
from kite_operator.model.account import Ref
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Credential, Key

_Where = TypeVar("_Where")
_What = TypeVar("_What")


@dataclass(frozen=True, slots=True)
class DesiredCredential:
    """Facts of a KiteCredential that are kept between two reconciles."""

    ref: Ref
    client_id: str
    target: str
    sources: tuple[str, ...]
    order: tuple[str, str]
    token: tuple[object, ...]
    class_name: str = ""

    @classmethod
    def of(cls, credential: Credential) -> "DesiredCredential":
        """Return the desired state of a credential; `token` changes with a user's change, not when we write status."""
        return cls(
            ref=credential.ref,
            client_id=credential.client_id,
            target=credential.target.name,
            sources=credential.sources,
            order=(credential.created, credential.key.name),
            token=(
                credential.uid,
                credential.generation,
                credential.refresh,
                credential.acknowledge,
                credential.revoke,
                credential.deleting,
            ),
            class_name=credential.class_name,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """Result of a change: the credentials to reconcile (new ones first), and those that are gone.

    A credential that is handed over is handled by the operator of another class from now on: it keeps everything,
    claims too.
    """

    new: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    gone: tuple[tuple[Key, DesiredCredential], ...] = ()
    handed_over: tuple[Key, ...] = ()


class Desired:
    """Index of the desired state. It lives in the main event loop; nothing else uses it."""

    def __init__(
        self,
        in_memory: InMemoryStates,
        handles_namespace: Callable[[str], bool] = lambda _namespace: True,
        class_name: str = "",
    ) -> None:
        """`handles_namespace` returns whether this process handles a namespace; it handles one class of credentials."""
        self._in_memory = in_memory
        self._handled = handles_namespace
        self._class_name = class_name
        self._credentials: dict[Key, DesiredCredential] = {}
        self._by_target: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._by_source: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._grants: defaultdict[Key, set[str]] = defaultdict(set)
        self._listing = False
        self._previous_targets: defaultdict[Key, set[str]] = defaultdict(set)
        self._changed_since_list: set[Key | tuple[Key, str]] = set()

    def __len__(self) -> int:
        return len(self._credentials)

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._credentials))

    def has_client(self, client_id: str) -> bool:
        """Return whether any credential is for this client ID."""
        return any(desired.client_id == client_id for desired in self._credentials.values())

    def target_of(self, key: Key) -> str | None:
        """Return the name of the Secret that a credential publishes to; None when there is no such credential."""
        desired = self._credentials.get(key)
        return desired.target or None if desired is not None else None

    def credential(self, kind: str | None, body: Mapping[str, Any]) -> Change:
        """Apply a KiteCredential that was listed, added, modified or (kind DELETED) deleted."""
        credential = parse_credential(body)
        if not self._handled(credential.key.namespace):
            return Change()
        self._note_change(credential.key)
        if kind == "DELETED":
            return self._delete(credential.key, credential.uid)
        if credential.class_name != self._class_name:
            return self._hand_over(credential.key)
        return self._put(credential.key, DesiredCredential.of(credential))

    def secret(self, kind: str | None, metadata: Mapping[str, Any]) -> Change:
        """Apply a labelled Secret that was listed, added, modified or deleted; only its metadata is read."""
        labels = metadata.get("labels") or {}
        namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
        match labels.get(ROLE_LABEL):
            case role if role == SOURCE:
                return Change(changed=tuple(self._by_source.get((namespace, name), ())))
            case role if role == GRANT:
                return self._grant(kind, Key(namespace, str(labels.get(CREDENTIAL_LABEL, ""))), name)
            case role if role == TARGET:
                return self._target(kind, namespace, metadata)
        return Change()

    def begin_list(self) -> None:
        """Begin a full list: changes that the watches report from now on are newer than the list."""
        self._listing = True
        self._changed_since_list.clear()

    def replace_all(
        self,
        credentials: Iterable[DesiredCredential],
        grants: Iterable[tuple[Key, str]],
        *,
        unlisted: Container[str] = (),
    ) -> Change:
        """Apply a full list: a credential that is not on it is gone (mark and sweep).

        Entries that the watches have reported since `begin_list` are newer, and stay as they are. So do entries of
        `unlisted` namespaces.
        """
        listed = {Key(desired.ref.namespace, desired.ref.name): desired for desired in credentials}
        older = [key for key in self._credentials if key not in listed and key not in self._changed_since_list]
        older = [key for key in older if key.namespace not in unlisted]
        fresh = [key for key in listed if self._handled(key.namespace) and key not in self._changed_since_list]
        mine = [key for key in fresh if listed[key].class_name == self._class_name]
        changes = [self._put(key, listed[key]) for key in mine]
        changes += [self._hand_over(key) for key in fresh if listed[key].class_name != self._class_name]
        changes += [self._delete(key, self._credentials[key].ref.uid) for key in older]
        new = [key for change in changes for key in change.new]
        changed = [key for change in changes for key in change.changed]
        changed += self._replace_grants(grants, unlisted)
        self._listing = False
        self._changed_since_list.clear()
        return Change(
            new=tuple(new),
            changed=tuple(key for key in dict.fromkeys(changed) if key in self._credentials),
            gone=tuple(gone for change in changes for gone in change.gone),
            handed_over=tuple(key for change in changes for key in change.handed_over),
        )

    def _replace_grants(self, grants: Iterable[tuple[Key, str]], unlisted: Container[str]) -> list[Key]:
        """Replace the grants; return the credentials that have a new one."""
        known = {key: set(names) for key, names in self._grants.items()}
        listed = {each for each in grants if each not in self._changed_since_list}
        pairs = [(key, name) for key, names in known.items() for name in names]
        kept = {pair for pair in pairs if pair in self._changed_since_list or pair[0].namespace in unlisted}
        self._grants.clear()
        for key, name in listed | kept:
            self._grants[key].add(name)
        return [key for key, names in self._grants.items() if names - known.get(key, set())]

    def hints(self, key: Key) -> Hints:
        """Return the hints for a reconcile of `key`."""
        grants, previous_targets = self._grants.get(key, ()), self._previous_targets.get(key, ())
        return Hints(frozenset(grants), self._rival(key), frozenset(previous_targets))

    def _note_change(self, what: Key | tuple[Key, str]) -> None:
        if self._listing:
            self._changed_since_list.add(what)

    def _put(self, key: Key, desired: DesiredCredential) -> Change:
        known = self._credentials.get(key)
        if known == desired:
            return Change()
        if known is not None:
            self._unindex(key, known)
            if known.target != desired.target:
                self._previous_targets[key].add(known.target)
        self._credentials[key] = desired
        _discard(self._previous_targets, key, desired.target)
        self._by_target[key.namespace, desired.target].add(key)
        for source in desired.sources:
            self._by_source[key.namespace, source].add(key)
        if known is not None and known.ref.uid != desired.ref.uid:
            return Change(new=(key,), gone=((key, known),))
        return Change(new=(key,)) if known is None else Change(changed=(key,))

    def _delete(self, key: Key, uid: str) -> Change:
        known = self._credentials.get(key)
        if known is None or known.ref.uid != uid:
            return Change()
        rivals = tuple(self._by_target.get((key.namespace, known.target), set()) - {key})
        self._remove(key)
        return Change(changed=rivals, gone=((key, known),))

    def _hand_over(self, key: Key) -> Change:
        """Release a credential of another class: it has moved there, or was never handled here."""
        known = self._credentials.get(key)
        if known is None:
            return Change()
        self._remove(key)
        return Change(handed_over=(key,))

    def _remove(self, key: Key) -> None:
        self._unindex(key, self._credentials.pop(key))
        self._previous_targets.pop(key, None)

    def _unindex(self, key: Key, desired: DesiredCredential) -> None:
        _discard(self._by_target, (key.namespace, desired.target), key)
        for source in desired.sources:
            _discard(self._by_source, (key.namespace, source), key)

    def _grant(self, kind: str | None, key: Key, name: str) -> Change:
        self._note_change((key, name))
        if kind == "DELETED":
            self._grants[key].discard(name)
            if not self._grants[key]:
                del self._grants[key]
            return Change()
        fresh = name not in self._grants[key]
        self._grants[key].add(name)
        return Change(changed=(key,)) if fresh and key in self._credentials else Change()

    def _target(self, kind: str | None, namespace: str, metadata: Mapping[str, Any]) -> Change:
        name, version = str(metadata.get("name", "")), metadata.get("resourceVersion")
        keys = self._by_target.get((namespace, name), set())
        moved = [key for key in keys if kind == "DELETED" or self._in_memory.of(key).target_version != version]
        # An object of the first list of a watch is known already.
        changed = tuple(moved) if kind is not None else ()
        labelled = Key(namespace, str((metadata.get("labels") or {}).get(CREDENTIAL_LABEL, "")))
        return Change(changed=changed + self._previous_target(kind, labelled, name))

    def _previous_target(self, kind: str | None, key: Key, name: str) -> tuple[Key, ...]:
        """Record a derived Secret that its credential does not name (any more): known until it is deleted."""
        desired = self._credentials.get(key)
        if kind == "DELETED" or desired is None or desired.target == name:
            _discard(self._previous_targets, key, name)
            return ()
        fresh = name not in self._previous_targets[key]
        self._previous_targets[key].add(name)
        return (key,) if fresh else ()

    def _rival(self, key: Key) -> Ref | None:
        """Return the credential that came first for the same target (by creation, then name), if it is another one."""
        desired = self._credentials.get(key)
        if desired is None:
            return None
        alike = [self._credentials[other] for other in self._by_target[key.namespace, desired.target]]
        first = min(alike, key=lambda each: each.order)
        return None if first.ref == desired.ref else first.ref


def _discard(index: defaultdict[_Where, set[_What]], where: _Where, what: _What) -> None:
    if where not in index:
        return
    index[where].discard(what)
    if not index[where]:
        del index[where]
