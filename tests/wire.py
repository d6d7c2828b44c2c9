"""The other end of a widget's wire, for tests."""

import threading

import numpy as np


class Browser:
    """The other end of a widget's wire: what it sends is what a page would, what it receives is kept."""

    def __init__(self, widget):
        self.widget, self.received, self.measured, self._news = widget, [], [], threading.Condition()
        widget.send = self._hear

    def _hear(self, content, buffers=None):
        with self._news:
            if content["type"] == "attributes":  # of a picture that is here already
                self.measured.append(content)
            else:
                self.received.append((content, buffers or []))
            self._news.notify_all()

    def attributes(self, seq):
        """The columns of the picture of a number, by name, whether they came with it or after it."""

        def columns():
            contents = [*self.measured, *(content for content, _ in self.received)]
            return next((content["attributes"] for content in contents if content["seq"] == seq and content.get("attributes")), None)

        with self._news:
            assert self._news.wait_for(columns, timeout=20), f"nothing was measured on picture {seq}"
            return {column["name"]: column for column in columns()}

    def say(self, message):
        self.widget._handle_custom_msg(message, [])

    def hear(self, count=1):
        with self._news:
            assert self._news.wait_for(lambda: len(self.received) >= count, timeout=20), "the widget did not answer"
            return self.received[count - 1]

    def flux(self, count=1):
        content, buffers = self.hear(count)
        layer = content["layers"][0]
        return np.frombuffer(buffers[0], "<f2").reshape(layer["shape"]).astype(np.float32) * layer["scale"]
