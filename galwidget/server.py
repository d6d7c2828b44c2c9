"""A Jupyter server extension, off until it is asked for, that sends the messages of kernels to the browser without delay.

The server leaves Nagle's algorithm on (RFC 896): a small message waits until the browser has acknowledged the one before it, which the
browser puts off for up to 40 ms (RFC 1122, 4.2.3.2). A kernel's answer is a train of small messages, so each turn of a slider pays for it.
Tornado recommends to turn it off where latency matters (`tornado.websocket.WebSocketHandler.set_nodelay`).

Turn it on for an environment, or for one start of JupyterLab::

    jupyter server extension enable --sys-prefix galwidget.server
    jupyter lab --ServerApp.jpserver_extensions="{'galwidget.server': True}"
"""

from __future__ import annotations

from typing import Any

__all__: list[str] = []

_SETTING = "kernel_websocket_connection_class"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "galwidget.server"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    settings = serverapp.web_app.settings
    settings[_SETTING] = _prompt(settings[_SETTING])
    serverapp.log.info("galwidget.server | kernel messages are sent without delay (TCP_NODELAY)")


def _prompt(connection: type[Any]) -> type[Any]:
    """The configured class of kernel connections (zmq or gateway), with TCP_NODELAY on its websocket."""

    class PromptConnection(connection):
        def connect(self) -> Any:
            self.websocket_handler.set_nodelay(True)
            return super().connect()

    return PromptConnection
