"""The app as a web server: a layer between Streamlit and the network.

``streamlit run study_app/edge.py -- --study DIR``, as `srbench study serve` runs it. It makes no
outside requests, cannot be shown in a frame of another page, and accepts only what its own pages
send.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.middleware import Middleware
from streamlit import net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),  # the address of the page is the personal link
    (b"x-content-type-options", b"nosniff"),
]
# Pictures and exports, which a proxy or CDN must not keep for others.
_PRIVATE = (b"cache-control", b"private")
_MEDIA = "/media/"
_CLOSED = {"/_stcore/upload_file": 403, "/_stcore/metrics": 404}  # uploads, and how many rate now
# What our pages send: changes, the end of a run, that they are open, and requests for exports and
# rows of tables. Streamlit has more, for example messages that empty the caches of the whole server
# or install files on it; these are ignored.
_SENT = {"rerun_script", "stop_script", "app_heartbeat", "backend_operation_request"}
_REQUESTED = {"request_id", "session_id", "deferred_file", "dataframe_chunk"}
_MOST_BRACKETS = 500  # of a widget's JSON; a vote has two
LONGEST_MESSAGE = 2**20  # bytes; a vote has about 1000
_POLICY_VIOLATION = 1008


def _no_address() -> None:
    """No address: replaces Streamlit's request to a web service for this machine's address.

    Streamlit makes this request, on the event loop that serves all raters, to compare the address
    with an unknown Origin of a WebSocket. Without an address, an unknown Origin is refused.
    """


net_util.get_external_ip = _no_address


class Edge:
    """Adds headers to every response, and refuses requests and messages that no page sends.

    No page has an upload field, and Streamlit would keep uploads and long messages in memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                ours = [*_HEADERS, _PRIVATE] if _MEDIA in path else _HEADERS
                named = {name for name, _ in ours}
                theirs = [pair for pair in message.get("headers", []) if pair[0] not in named]
                message = {**message, "headers": [*theirs, *ours]}
            await send(message)

        async def checked() -> Message:
            while (message := await receive())["type"] == "websocket.receive":
                sent = _read(message.get("bytes"))
                if sent is None:
                    await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
                    return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
                if _of_a_page(sent):
                    break
            return message

        status = next((_CLOSED[closed] for closed in _CLOSED if closed in path), None)
        if scope["type"] == "http" and status:
            headers = [(b"content-length", b"0"), (b"connection", b"close")]
            await with_headers(
                {"type": "http.response.start", "status": status, "headers": headers}
            )
            await with_headers({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, checked if scope["type"] == "websocket" else receive, with_headers)


def _read(message: bytes | None) -> BackMsg | None:
    """A WebSocket message; None if it is too long, text, or not one of Streamlit's."""
    if message is None or len(message) > LONGEST_MESSAGE:
        return None
    try:
        return BackMsg.FromString(message)
    except DecodeError:
        return None


def _of_a_page(sent: BackMsg) -> bool:
    """Whether one of our pages can have sent this."""
    if any(_brackets(state) > _MOST_BRACKETS for state in sent.rerun_script.widget_states.widgets):
        return False  # Python cannot read JSON that is nested so deeply
    kind = sent.WhichOneof("type")
    if kind == "backend_operation_request":
        request = sent.backend_operation_request
        return {field.name for field, _ in request.ListFields()} <= _REQUESTED
    return kind in _SENT


def _brackets(state: WidgetState) -> int:
    text = state.json_value + state.json_trigger_value
    return text.count("[") + text.count("{")


app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(Edge)])
