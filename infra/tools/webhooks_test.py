#!/usr/bin/env python3
"""Has Svix's own libraries, for Python and Node, verify what `parlance` sends to webhooks.

A receiver on this machine hands every request to the libraries. It is then down for simulated hours, and kills the
server between a request and its record, which is the moment at which a delivery is neither made nor forgotten.

The binary is run with ALLOW_PRIVATE_FETCH, so nothing leaves this machine."""

import argparse
import collections
import datetime
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import standardwebhooks.webhooks
from svix.webhooks import Webhook, WebhookVerificationError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_stack import free_ports  # noqa: E402

PASSWORD = "correct horse battery"
HOUR = 3600


class Clock:
    """How far the clock of the server is ahead."""

    ahead = 0

    @classmethod
    def now(cls):
        return time.time() + cls.ahead


class MovedDatetime(datetime.datetime):
    """What the library for Python takes for the present."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(Clock.now(), tz)


standardwebhooks.webhooks.datetime = MovedDatetime


class Receiver(http.server.BaseHTTPRequestHandler):
    """Records requests."""

    protocol_version = "HTTP/1.1"
    received = []
    status = 200
    before_answer = None
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        with Receiver.lock:
            Receiver.received.append((headers, body, Clock.now(), Receiver.status))
            before = Receiver.before_answer
        if before:
            before()
        self.send_response(Receiver.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Judges:
    """The libraries."""

    def __init__(self, node_modules):
        self.verdicts = collections.Counter()
        self.node = None
        if node_modules:
            script = pathlib.Path(__file__).parent / "webhooks/verify.mjs"
            command = ["node", str(script), str(node_modules)]
            self.node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def verify(self, secret, headers, body, now, expected=True):
        try:
            Webhook(secret).verify(body, headers)
            verdict = True
        except WebhookVerificationError as error:
            verdict = str(error)
        assert (verdict is True) == expected, f"svix for Python: {verdict}: {headers}"
        self.verdicts["Python", expected] += 1
        if self.node:
            line = {"secret": secret, "headers": headers, "body": body, "now_ms": int(now * 1000)}
            self.node.stdin.write(json.dumps(line) + "\n")
            self.node.stdin.flush()
            verdict = json.loads(self.node.stdout.readline())
            assert (verdict == "valid") == expected, f"svix for Node: {verdict}: {headers}"
            self.verdicts["Node", expected] += 1

    def stop(self):
        if self.node:
            self.node.stdin.close()
            self.node.wait()


class Server:
    """A running `parlance` whose data outlives it."""

    def __init__(self, binary, folder, receiver):
        self.binary, self.folder = binary, folder
        self.port, self.aws_port = free_ports(2)
        self.environment = {**os.environ, "ALLOW_PRIVATE_FETCH": receiver, "PARLANCE_LOG": "error"}
        self.process = self.token = None
        self.start()

    def start(self):
        command = [str(self.binary), "--data-dir", str(self.folder / "data"), "--port", str(self.port),
                   "--aws-port", str(self.aws_port)]
        self.process = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        assert "listening" in self.process.stdout.readline(), "parlance did not start"
        if Clock.ahead:
            self.call("POST", "/_local/clock", {"advance_seconds": Clock.ahead})

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def call(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            text = response.read()
        return json.loads(text) if text else None

    def api(self, method, path, body=None):
        """As the user, who signs in anew after hours."""
        try:
            return self.call(method, f"/api/v1/{path}", body, self.token)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None
        login = {"email": "ada@example.com", "password": PASSWORD}
        self.token = self.call("POST", "/api/v1/auth/login", login)["access_token"]
        return self.call(method, f"/api/v1/{path}", body, self.token)

    def advance(self, seconds):
        Clock.ahead += seconds
        self.call("POST", "/_local/clock", {"advance_seconds": seconds})

    def drain(self):
        self.call("POST", "/_local/drain", {})

    def pass_hours(self, hours):
        """Lets time pass, with the relay running as on its schedule."""
        for _ in range(hours * 4):
            self.advance(HOUR // 4)
            self.call("POST", "/_local/run/relay_outbox", {})
            self.drain()


def signatures(server, judges, url):
    """Every event is valid by both libraries, and nothing else is; a rotated secret is valid for a day."""
    made = server.api("POST", "webhooks", {"url": url})
    path, old = f"webhooks/{made['id']}", made["secret"]
    bot = server.api("POST", "chatbots", {"name": "Über uns ☕"})
    server.api("POST", f"chatbots/{bot['id']}/publish", {})
    for _ in range(20):
        server.api("POST", f"{path}/test", {})
    server.drain()
    assert len(Receiver.received) == 21, len(Receiver.received)
    for headers, body, now, _ in Receiver.received:
        judges.verify(old, headers, body, now)
        judges.verify(old, headers, body + " ", now, expected=False)
        judges.verify(old, {**headers, "webhook-id": "evt_other"}, body, now, expected=False)
        later = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}
        judges.verify(old, later, body, now, expected=False)
    Receiver.received.clear()
    new = server.api("POST", f"{path}/rotate-secret", {})["secret"]
    server.api("POST", f"{path}/test", {})
    server.drain()
    server.advance(24 * HOUR + 60)
    server.api("POST", f"{path}/test", {})
    server.drain()
    (first, body, now, _), (second, other, later, _) = Receiver.received
    moved = Clock.ahead
    Clock.ahead = 0
    for secret in (old, new):
        judges.verify(secret, first, body, now)
    Clock.ahead = moved
    judges.verify(new, second, other, later)
    judges.verify(old, second, other, later, expected=False)
    Receiver.received.clear()
    return path, new


def outage(server, judges, path, secret):
    """A receiver that is down for hours gets each event once when it is up."""
    Receiver.status = 503
    sent = {server.api("POST", f"{path}/test", {})["event_id"] for _ in range(50)}
    server.drain()
    server.pass_hours(8)
    refused = len(Receiver.received)
    Receiver.status = 200
    server.pass_hours(12)
    delivered = [headers["webhook-id"] for headers, _, _, status in Receiver.received if status == 200]
    assert sorted(delivered) == sorted(sent), f"{len(delivered)} deliveries of {len(sent)} events"
    for headers, body, now, _ in Receiver.received[-50:]:
        ahead, Clock.ahead = Clock.ahead, now - time.time()
        judges.verify(secret, headers, body, now)
        Clock.ahead = ahead
    Receiver.received.clear()
    return refused


def killed(server, judges, path, secret):
    """A server that dies between a request and its record sends the event again, under the same ID."""
    died = threading.Event()

    def kill():
        Receiver.before_answer = None
        server.kill()
        died.set()

    Receiver.before_answer = kill
    sent = server.api("POST", f"{path}/test", {})
    assert died.wait(30), "nothing was sent"
    server.start()
    for _ in range(30):
        server.advance(60)
        server.call("POST", "/_local/run/relay_outbox", {})
        server.drain()
    ids = [headers["webhook-id"] for headers, *_ in Receiver.received]
    assert len(ids) >= 2 and set(ids) == {sent["event_id"]}, ids
    headers, body, now, _ = Receiver.received[-1]
    ahead, Clock.ahead = Clock.ahead, now - time.time()
    judges.verify(secret, headers, body, now)
    Clock.ahead = ahead
    found = server.api("GET", f"{path}/deliveries/{sent['id']}")
    assert found["status"] == "succeeded", found
    return len(ids)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--node-modules", type=pathlib.Path, help="where Svix's library for Node is")
    arguments = parser.parse_args()
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{receiver.server_port}"
    judges = Judges(arguments.node_modules)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(arguments.binary.resolve(), pathlib.Path(folder), host)
        try:
            account = {"email": "ada@example.com", "password": PASSWORD}
            server.token = server.call("POST", "/api/v1/auth/register", account)["access_token"]
            path, secret = signatures(server, judges, f"http://{host}/hook")
            refused = outage(server, judges, path, secret)
            repeated = killed(server, judges, path, secret)
        finally:
            server.process.terminate()
            server.process.wait()
    judges.stop()
    for (language, expected), count in sorted(judges.verdicts.items()):
        print(f"{count:4} {'valid' if expected else 'refused'} by svix for {language}")
    print(f"a receiver that was down for 8 hours refused {refused} requests and got each of 50 events once; an event whose "
          f"server was killed before it was recorded came {repeated} times under one ID")


if __name__ == "__main__":
    main()
