"""Pages: templates with every value escaped, and the headers of each answer."""

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
        """Return views whose links begin with `base`, which is empty or begins with a slash."""
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
        """Return a page. For a page with forms, `forms_to` names their destinations besides this site.

        The Referrer-Policy of such a page is `same-origin`: under `no-referrer` browsers send the Origin `null` with a
        form.
        """
        text = self.environment.get_template(template).render(values)
        response = web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
        destinations = "'none'" if forms_to is None else " ".join(("'self'", *forms_to))
        response.headers["Content-Security-Policy"] = _POLICY.format(to=destinations)
        if forms_to is not None:
            response.headers["Referrer-Policy"] = "same-origin"
        return response

    def notice(self, heading: str, text: str, *, status: int, severity: str = "bad", link: str = "") -> web.Response:
        """Return a page with one message and a link."""
        values = {"heading": heading, "text": text, "severity": severity, "link": link}
        return self.page("notice.html", values, status=status)


def put_headers(response: web.StreamResponse) -> None:
    """Set the headers of every answer, where the answer has none of its own."""
    for name, value in {**HEADERS, "Content-Security-Policy": _POLICY.format(to="'none'")}.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "kite-operator"


def see_other(location: str) -> web.Response:
    """Return a redirect to `location` with a GET. The body is empty, so that it repeats no address."""
    return web.Response(status=303, headers={"Location": location})
