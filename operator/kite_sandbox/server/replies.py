"""Answers onto the wire, the broken ones too."""

import json
import socket
import struct
from typing import Any

from aiohttp import web

from kite_sandbox.answers import Answer

_NO_CONTENT_TYPE = web.ResponseKey("without_content_type", bool)


async def send(request: web.Request, answer: Answer, *, reset_mid_body: bool = False) -> web.StreamResponse:
    """Send an answer, or the first half of it and then a connection reset."""
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    response = web.Response(status=answer.status, body=text.encode(), headers=answer.headers)
    if answer.content_type is not None:
        response.headers["Content-Type"] = answer.content_type
    else:
        response[_NO_CONTENT_TYPE] = True
    for name, value in answer.cookies:
        response.set_cookie(name, value, path="/", httponly=name == "kf_session")
    return await _half(request, text.encode(), answer) if reset_mid_body else response


async def strip_content_type(_request: web.Request, response: web.StreamResponse) -> None:
    """Leave out the header that aiohttp adds on its own, where an answer has none. A signal of the application."""
    if response.get(_NO_CONTENT_TYPE):
        response.headers.popall("Content-Type", None)


def cut_off(request: web.Request) -> web.StreamResponse:
    """Reset the connection with no answer at all."""
    _reset(request)
    return web.Response(status=500)


async def _half(request: web.Request, body: bytes, answer: Answer) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type or "application/json", "Content-Length": str(max(len(body), 2))}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    await response.write(body[: max(len(body) // 2, 1)])
    _reset(request)
    return response


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection: Any = transport.get_extra_info("socket")
    if connection is not None:
        # Zero linger makes the kernel send RST instead of an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
