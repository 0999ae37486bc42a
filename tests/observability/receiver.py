"""Where Alertmanager posts alerts to: a real webhook."""

import http.server
import json
import threading
import time


class Receiver:
    """Keeps what arrives. Each entry is (time, status, alert)."""

    def __init__(self):
        self.arrived = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver._changed:
                    for alert in message["alerts"]:
                        receiver.arrived.append((time.time(), alert["status"], alert))
                    receiver._changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def names(self, status, since=0.0):
        """The names of the alerts that arrived in a status since a time."""
        return {alert["labels"]["alertname"] for at, was, alert in list(self.arrived) if was == status and at >= since}

    def await_names(self, names, status, since, limit):
        """Waits until all these arrived in the status; returns those that did not in time."""
        until = time.monotonic() + limit
        with self._changed:
            while missing := set(names) - self.names(status, since):
                left = until - time.monotonic()
                if left <= 0:
                    return missing
                self._changed.wait(left)
        return set()

    def close(self):
        """Ends it."""
        self._server.shutdown()
