"""The Debian packages of an image, from dpkg's own record of them."""

from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

from packageurl import PackageURL

from supply_chain.bom import Part


def debian_parts(root: Path) -> list[Part]:
    """Each installed package of the file system under `root`, by name. None where dpkg has never been."""
    release = _release(root)
    parts = (_part(text, release) for text in _stanzas(root))
    return sorted((part for part in parts if part), key=lambda part: part.purl)


def _stanzas(root: Path) -> Iterator[str]:
    """One file of dpkg; images without dpkg, as Google's distroless, have a file for each package."""
    folder = root / "var" / "lib" / "dpkg"
    files = [folder / "status", *sorted((folder / "status.d").glob("*"))]
    for file in files:
        if file.is_file() and file.suffix != ".md5sums":
            yield from (text for text in file.read_text().split("\n\n") if text.strip())


def _part(stanza: str, release: str) -> Part | None:
    fields = HeaderParser().parsestr(stanza)
    if not fields.get("Status", "install ok installed").endswith(" installed"):
        return None
    qualifiers = {"arch": fields["Architecture"], "distro": release}
    purl = PackageURL("deb", "debian", fields["Package"], fields["Version"], qualifiers)
    summary = fields.get("Description", "").splitlines()
    return Part(purl=purl.to_string(), description=summary[0] if summary else "")


def _release(root: Path) -> str:
    """Such as debian-12. The file under etc is a link to the other one, where links are kept."""
    found = [root / folder / "os-release" for folder in ("etc", "usr/lib")]
    lines = next((file.read_text().splitlines() for file in found if file.is_file()), [])
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return "-".join(fields[key].strip('"') for key in ("ID", "VERSION_ID") if key in fields)
