"""The project's own rules over pygls' protocol: who answers what, and what is never said or stored.

It does not know features, nor the project's own messages, which `plt_lsp.messages` describes. Text sync is taken from
pygls, whose store splits lines wrongly and slowly; every request gets one answer even where its parameters cannot be
read; bodies, which hold the user's code, are never logged.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import InvalidStateError
from typing import Any

import cattrs
from lsprotocol import types
from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, LanguageServerProtocol, default_converter
from pygls.protocol.json_rpc import MsgId

from plt_lsp import jsonrpc

logger = logging.getLogger(__name__)

OWN_FEATURES = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
    types.SHUTDOWN,
    types.EXIT,
)

RawMessage = dict[str, Any]


def own_converter() -> cattrs.Converter:
    """Pygls' converter, with the parameters of unknown methods left as plain JSON instead of made-up classes."""
    converter: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (JsonRPCRequestMessage, JsonRPCNotification):
        converter.register_structure_hook(kind, _plain_params)
    return converter


def _plain_params(raw: RawMessage, kind: Any) -> Any:  # noqa: ANN401  (cattrs' own signature)
    return kind(**{"params": None, **raw})


class PltProtocol(LanguageServerProtocol):
    """Reads bodies, keeps the order of the protocol's life, and answers what pygls would leave unanswered.

    Attributes:
        exit_code: what the process is to end with, once the client has asked it to.
        on_unreadable: called with the raw message of a notification whose parameters cannot be read.
    """

    exit_code: int | None = None
    on_unreadable: Callable[[RawMessage], None] | None = None
    _is_initialized = False

    def _register_builtin_features(self) -> None:
        super()._register_builtin_features()  # type: ignore[no-untyped-call]
        for method in OWN_FEATURES:
            self.fm.builtin_features.pop(method)
        self.fm.builtin_features[types.SHUTDOWN] = self._shut_down
        self.fm.builtin_features[types.EXIT] = self._exit

    def receive(self, body: bytes) -> None:
        """Handle the body of one message; nothing that it may hold raises."""
        try:
            raw = jsonrpc.parse(body)
        except ValueError as error:
            logger.error("a message is not JSON: %s", error)
            self._refuse(None, jsonrpc.PARSE_ERROR, "the message is not JSON")
            return
        if not isinstance(raw, dict) or raw.get("jsonrpc") != self.VERSION:
            self._refuse(None, jsonrpc.INVALID_REQUEST, "a message is a JSON-RPC 2.0 object; batches are not in LSP")
        elif "method" not in raw:
            self._receive_response(raw)
        elif "id" in raw:
            self._receive_request(raw)
        else:
            self._receive_notification(raw)

    def when_cancelled(self, callback: Callable[[], None]) -> None:
        """Have a function called where the client cancels the request that is handled now.

        For commands, whose handlers pygls runs on when their request is cancelled.
        """
        future = self._request_futures.get(self.msg_id) if self.msg_id is not None else None
        if future is not None:
            future.add_done_callback(lambda done: callback() if done.cancelled() else None)

    def _receive_request(self, raw: RawMessage) -> None:
        method, msg_id = raw["method"], raw["id"]
        if not self._is_initialized and method != types.INITIALIZE:
            self._refuse(msg_id, jsonrpc.SERVER_NOT_INITIALIZED, f"{method} before initialize")
        elif self._is_initialized and method == types.INITIALIZE:
            self._refuse(msg_id, jsonrpc.INVALID_REQUEST, "initialize was sent already")
        elif self._shutdown:
            self._refuse(msg_id, jsonrpc.INVALID_REQUEST, f"{method} after shutdown")
        elif (message := self._structured(raw)) is None:
            self._refuse(msg_id, jsonrpc.INVALID_PARAMS, f"the parameters of {method} cannot be read")
        else:
            self._is_initialized = True
            self.handle_message(message)

    def _receive_notification(self, raw: RawMessage) -> None:
        method = raw["method"]
        if method != types.EXIT and (not self._is_initialized or self._shutdown):
            logger.warning("%s is ignored outside of a session", method)
        elif (message := self._structured(raw)) is not None:
            self.handle_message(message)
        elif self.on_unreadable is not None:
            self.on_unreadable(raw)

    def _receive_response(self, raw: RawMessage) -> None:
        if (message := self._structured(raw)) is None:
            return
        try:
            self.handle_message(message)
        except InvalidStateError:  # whoever had asked was cancelled meanwhile
            logger.info("nobody waits any more for an answer of the client's")

    def _structured(self, raw: RawMessage) -> Any:  # noqa: ANN401  (lsprotocol's message classes share no base)
        try:
            return self.structure_message(raw)
        except Exception as error:
            logger.error("%s cannot be read: %s", raw.get("method", "a response"), type(error).__name__)
            return None

    def _refuse(self, msg_id: MsgId | None, code: int, message: str) -> None:
        error = {"code": code, "message": message}
        self._write({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def _shut_down(self, *_: object) -> None:
        """Answer null, after which only `exit` is taken; what still runs is cancelled."""
        running = [future for msg_id, future in self._request_futures.items() if msg_id != self.msg_id]
        for future in running:
            future.cancel()
        self._shutdown = True

    def _exit(self, *_: object) -> None:
        self.exit_code = 0 if self._shutdown else 1

    def _send_data(self, data: Any) -> None:  # noqa: ANN401  (pygls' own signature)
        """Send a message without logging it; pygls would log its body, which is the user's code."""
        self._write(self._converter.unstructure(data))

    def _write(self, message: Mapping[str, object]) -> None:
        if self.writer is None:
            logger.error("there is no stream to write to")
            return
        self.writer.write(jsonrpc.encode_message(message))
