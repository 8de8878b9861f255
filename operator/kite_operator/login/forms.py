"""Forms that only our own pages can send: by what the browser says of their origin, and by a mark of ours in them."""

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
    """Marks forms and checks them; `origin` is that of the public address."""

    signer: Signer
    jar: Jar
    origin: str

    @classmethod
    def of(cls, public_url: str, signer: Signer) -> "FormGuard":
        """For the pages at this address."""
        return cls(signer, Jar.of(public_url), Address.of(urlsplit(public_url)).origin)

    def cookie(self, request: web.BaseRequest) -> str:
        """Return what the browser's forms are marked by: the cookie that it has, or one that it is to be given."""
        return self.jar.read(request).get(COOKIE, "") or secrets.token_urlsafe(32)

    def mark(self, cookie: str) -> str:
        """The hidden field of a form for the browser with this cookie."""
        return self.signer.signature(_PURPOSE, cookie)

    def give(self, response: web.StreamResponse, cookie: str) -> None:
        """Let the browser keep the cookie."""
        self.jar.put(response, COOKIE, cookie)

    def is_ours(self, request: web.BaseRequest, fields: Mapping[str, object]) -> bool:
        """Return whether a form was sent by a page of ours that this very browser was shown."""
        cookie, mark = self.jar.read(request).get(COOKIE, ""), fields.get(FIELD, "")
        marked = bool(cookie) and isinstance(mark, str) and same(mark, self.mark(cookie))
        return marked and self._is_from_here(request)

    def _is_from_here(self, request: web.BaseRequest) -> bool:
        """By Sec-Fetch-Site, which every current browser sends; by Origin for an older one; never by neither."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in _SAME
        return request.headers.get("Origin", "").lower() == self.origin
