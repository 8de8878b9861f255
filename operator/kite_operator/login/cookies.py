"""The login page's cookies: never readable by a script, and sent to no other host or path than the page's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Jar:
    """Sets and reads cookies by plain names. By `prefix` browsers enforce the cookies' attributes."""

    secure: bool
    path: str
    prefix: str

    @classmethod
    def of(cls, public_url: str) -> "Jar":
        """Return the jar for the page at this address: http is allowed on loopback only."""
        parts = urlsplit(public_url)
        secure, path = parts.scheme == "https", parts.path or "/"
        prefix = ("__Host-" if path == "/" else "__Secure-") if secure else ""
        return cls(secure, path, prefix)

    def read(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the browser's cookies of this page, by plain name."""
        found = request.cookies.items()
        return {name.removeprefix(self.prefix): value for name, value in found if name.startswith(self.prefix)}

    def put(self, response: web.StreamResponse, name: str, value: str, *, seconds: int | None = None) -> None:
        """Set a cookie; without `seconds` it ends with the browser."""
        response.set_cookie(
            self.prefix + name,
            value,
            max_age=seconds,
            path=self.path,
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    def drop(self, response: web.StreamResponse, name: str) -> None:
        """Delete a cookie."""
        response.del_cookie(self.prefix + name, path=self.path, secure=self.secure, httponly=True, samesite="Lax")
