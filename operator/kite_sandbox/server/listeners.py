"""Starting and stopping the three listeners."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from kite_sandbox.server.admin import admin_application
from kite_sandbox.server.hosts import api_host, login_host
from kite_sandbox.server.sandbox import Sandbox

_GRACE_S = 0.2
"""How long requests in flight may take when the process is told to stop; a held or delayed one would take for ever."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses to listen on; port 0 takes a free one."""

    host: str = "127.0.0.1"
    api_port: int = 0
    login_port: int = 0
    admin_port: int = 0


@dataclass(frozen=True, slots=True)
class BaseUrls:
    """The sandbox's URLs, without a trailing slash."""

    api: str
    login: str
    admin: str


@asynccontextmanager
async def listening(sandbox: Sandbox, addresses: Addresses) -> AsyncIterator[BaseUrls]:
    """Serve for as long as the context lasts. Raises OSError if a port is taken."""
    runners: list[web.AppRunner] = []
    try:
        urls = []
        for application, port in (
            (api_host(sandbox), addresses.api_port),
            (login_host(sandbox), addresses.login_port),
            (admin_application(sandbox), addresses.admin_port),
        ):
            # No access log: query strings carry tokens.
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE_S)
            await runner.setup()
            runners.append(runner)
            listener = socket.create_server((addresses.host, port), backlog=1024, reuse_port=False)
            await web.SockSite(runner, listener).start()
            urls.append(f"http://{addresses.host}:{listener.getsockname()[1]}")
        yield BaseUrls(*urls)
    finally:
        for runner in runners:
            await runner.cleanup()
