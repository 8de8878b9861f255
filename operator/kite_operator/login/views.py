"""Pages: templates filled in with every value escaped, and the headers that each of them leaves with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from kite_operator.login.signer import digest

STYLE = files("kite_operator.login").joinpath("static/style.css").read_text(encoding="utf-8")
STYLE_VERSION = digest(STYLE)[:12]

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action {to}"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Views:
    """Renders the templates of this package; `base` is the path under which the pages are served."""

    base: str
    environment: Environment

    @classmethod
    def under(cls, base: str) -> "Views":
        """Views whose links begin with `base`, which is empty or begins with a slash."""
        environment = Environment(
            loader=PackageLoader("kite_operator.login"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"base": base, "style": f"{base}/style.css?v={STYLE_VERSION}"}
        return cls(base, environment)

    def page(
        self, template: str, values: Mapping[str, object], *, status: int = 200, forms_to: Sequence[str] | None = None
    ) -> web.Response:
        """A page. One with forms names in `forms_to` where they may lead, besides here.

        Its Referrer-Policy is `same-origin`, since under `no-referrer` browsers send the Origin `null` with a form.
        """
        text = self.environment.get_template(template).render(values)
        response = web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
        destinations = "'none'" if forms_to is None else " ".join(("'self'", *forms_to))
        response.headers["Content-Security-Policy"] = _POLICY.format(to=destinations)
        if forms_to is not None:
            response.headers["Referrer-Policy"] = "same-origin"
        return response

    def notice(self, heading: str, text: str, *, status: int, severity: str = "bad", link: str = "") -> web.Response:
        """A page that says one thing, and where to go from there."""
        values = {"heading": heading, "text": text, "severity": severity, "link": link}
        return self.page("notice.html", values, status=status)


def put_headers(response: web.StreamResponse) -> None:
    """The headers that every answer leaves with, where it has none of its own."""
    for name, value in {**HEADERS, "Content-Security-Policy": _POLICY.format(to="'none'")}.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "kite-operator"


def see_other(location: str) -> web.Response:
    """Go there with a GET; the body says nothing, so that it repeats no address."""
    return web.Response(status=303, headers={"Location": location})
