"""Forms that only our own pages can send: the browser reports their origin, and each carries a mark of ours."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from kite_operator.broker.redirects import Address
from kite_operator.login.cookies import Jar
from kite_operator.login.signer import Signer, same

COOKIE = "kite-form"
FIELD = "form_token"
_PURPOSE = "form 1"
_SAME = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class FormGuard:
    """Marks forms and checks the marks; `origin` is the origin of the public address."""

    signer: Signer
    jar: Jar
    origin: str

    @classmethod
    def of(cls, public_url: str, signer: Signer) -> "FormGuard":
        """Return the guard for the pages at this address."""
        return cls(signer, Jar.of(public_url), Address.of(urlsplit(public_url)).origin)

    def cookie(self, request: web.BaseRequest) -> str:
        """Return the cookie that the browser's forms are marked by: the browser's own, or a new one."""
        return self.jar.read(request).get(COOKIE, "") or secrets.token_urlsafe(32)

    def mark(self, cookie: str) -> str:
        """Return the value of the hidden form field for the browser with this cookie."""
        return self.signer.signature(_PURPOSE, cookie)

    def set_cookie(self, response: web.StreamResponse, cookie: str) -> None:
        """Set the cookie in the browser."""
        self.jar.put(response, COOKIE, cookie)

    def is_ours(self, request: web.BaseRequest, fields: Mapping[str, object]) -> bool:
        """Return whether a form was sent by a page of ours that was shown in the same browser."""
        cookie, mark = self.jar.read(request).get(COOKIE, ""), fields.get(FIELD, "")
        marked = bool(cookie) and isinstance(mark, str) and same(mark, self.mark(cookie))
        return marked and self._is_from_here(request)

    def _is_from_here(self, request: web.BaseRequest) -> bool:
        """Check Sec-Fetch-Site, which every current browser sends; for older ones Origin. False without both."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in _SAME
        return request.headers.get("Origin", "").lower() == self.origin
