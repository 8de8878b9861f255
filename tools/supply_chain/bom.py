"""The bill of materials in CycloneDX's terms. The same contents give the same bytes: no clock and no dice."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

SCHEMA: Final = SchemaVersion.V1_6
_DECLARED: Final = LicenseAcknowledgement.DECLARED
_SPACE: Final = uuid.UUID("5d8f3f0e-4b46-5f0c-9d5b-3c1d0e3f7a11")
"""Where the serial numbers of our bills are made, so that they are nobody else's."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is in it."""

    purl: str
    licence: str = ""
    description: str = ""
    hashes: tuple[str, ...] = ()
    kind: ComponentType = ComponentType.LIBRARY
    needs: frozenset[str] = field(default=frozenset())
    """The purls of the parts that it needs."""


def bill(whole: Part, parts: Iterable[Part], made_at: datetime | None = None) -> str:
    """The document, as JSON. `made_at` is the only thing in it that is not of the contents: leave it out, or fix it.

    What is there twice, ours and in the base, is told once, as it was told first.
    """
    once = {part.purl: part for part in reversed([whole, *parts])}
    components = {purl: _component(part) for purl, part in once.items()}
    subject = components[whole.purl]
    bom = Bom(
        components=[each for purl, each in components.items() if purl != whole.purl],
        metadata=BomMetaData(component=subject, tools=ToolRepository(components=[this_component()]), timestamp=made_at),
        dependencies=_dependencies(once.values(), components),
    )
    document = json.loads(make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string())
    if made_at is None:
        del document["metadata"]["timestamp"]
    del document["serialNumber"]
    document["serialNumber"] = uuid.uuid5(_SPACE, _text(document)).urn
    return _text(document)


def moment(seconds: str | None) -> datetime | None:
    """SOURCE_DATE_EPOCH as a time, where it is set."""
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def _component(part: Part) -> Component:
    purl = PackageURL.from_string(part.purl)
    declared = (
        [LicenseFactory().make_from_string(part.licence, license_acknowledgement=_DECLARED)] if part.licence else []
    )
    return Component(
        type=part.kind,
        name=purl.name,
        version=purl.version,
        bom_ref=part.purl,
        purl=purl,
        description=part.description or None,
        licenses=declared,
        external_references=[_files(part)] if part.hashes else [],
    )


def _files(part: Part) -> ExternalReference:
    """A release has several files, of which one is installed: their hashes are not those of the component."""
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(part.purl),
        comment="the files of this release that may be installed",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in part.hashes],
    )


def _dependencies(parts: Iterable[Part], components: Mapping[str, Component]) -> list[Dependency]:
    return [
        Dependency(components[part.purl].bom_ref, [Dependency(components[need].bom_ref) for need in sorted(part.needs)])
        for part in parts
    ]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
