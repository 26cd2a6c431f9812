"""The app as a web server: a layer between Streamlit and the network.

``streamlit run study_app/edge.py -- --study DIR``, as `srbench study serve` runs it. It makes no
outside requests, cannot be shown in a frame of another page, and accepts no files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.middleware import Middleware
from streamlit import net_util

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),  # the address of the page is the personal link
    (b"x-content-type-options", b"nosniff"),
]
_UPLOADS = "/_stcore/upload_file"


def _no_address() -> None:
    """No address: replaces Streamlit's request to a web service for this machine's address.

    Streamlit makes this request, on the event loop that serves all raters, to compare the address
    with an unknown Origin of a WebSocket. Without an address, an unknown Origin is refused.
    """


net_util.get_external_ip = _no_address


class Edge:
    """Adds headers to every response and refuses uploads without reading them.

    No page has an upload field, and Streamlit would keep uploads in memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                named = {name for name, _ in _HEADERS}
                theirs = [pair for pair in message.get("headers", []) if pair[0] not in named]
                message = {**message, "headers": [*theirs, *_HEADERS]}
            await send(message)

        if scope["type"] == "http" and _UPLOADS in scope["path"]:
            headers = [(b"content-length", b"0"), (b"connection", b"close")]
            await with_headers({"type": "http.response.start", "status": 403, "headers": headers})
            await with_headers({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, with_headers)


app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(Edge)])
