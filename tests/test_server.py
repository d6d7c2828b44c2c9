"""The server extension: the kernel's messages leave without delay, whatever class of connection is configured, and only when asked for."""

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

pytest.importorskip("jupyter_server", reason="the server extension needs jupyter_server, of the extra [lab]")

from jupyter_server.extension.manager import ExtensionPackage
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

SETTING = "kernel_websocket_connection_class"


class Connection:
    """What jupyter_server's classes of connections have in common (KernelWebsocketConnectionABC)."""

    def __init__(self, websocket_handler):
        self.websocket_handler, self.connected = websocket_handler, False

    async def connect(self):
        self.connected = True


class Handler(WebSocketHandler):
    async def open(self):
        self.connection = self.settings[SETTING](self)
        await self.connection.connect()
        stream = self.ws_connection.stream.socket
        self.write_message(f"{self.connection.connected} {stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0}")


def application(*, extended):
    app = Application([("/", Handler)], **{SETTING: Connection})
    if extended:
        package = ExtensionPackage(name="galwidget.server", enabled=True)
        package.load_point("galwidget.server", SimpleNamespace(web_app=app, log=logging.getLogger(__name__)))
    return app


@pytest.mark.parametrize("extended", [False, True])
def test_websocket_of_a_kernel_has_nodelay_exactly_when_the_extension_is_on(extended):
    async def heard():
        server = HTTPServer(application(extended=extended))
        listening, port = bind_unused_port()
        server.add_socket(listening)
        client = await websocket_connect(f"ws://127.0.0.1:{port}/")
        message = await asyncio.wait_for(client.read_message(), 20)
        client.close()
        server.stop()
        return message

    with ThreadPoolExecutor(1) as thread:  # the browser's tests leave a loop running in this one
        assert thread.submit(asyncio.run, heard()).result() == f"True {extended}"
