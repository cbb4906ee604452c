"""The services that functions run against: those of a running `parlance`, or of one that is started here."""

import base64
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid

START_LIMIT_S = 30
# The password in events/.
PASSWORD = "correct horse battery"
TABLES = ["identity", "app", "usage", "ephemeral", "audit"]


def queues():
    """The queues whose URLs template.yaml gives every function, as in `SEND_MAIL`."""
    template = pathlib.Path(__file__).resolve().parents[2] / "template.yaml"
    return re.findall(r"^ +QUEUE_([A-Z_]+): !Ref", template.read_text(), re.MULTILINE)


def free_ports(count):
    """Ports that nobody listens on; all are held until each is known."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_double(binary, *options):
    """A server that plays the vendors of models, and its URL."""
    (port,) = free_ports(1)
    command = [str(binary), "model-double", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.05)
    return process, url


class Stack:
    """A running `parlance`: where its API and its AWS services are."""

    def __init__(self, api, services, process=None):
        self.api, self.services, self.process = api, services, process

    @classmethod
    def start(cls, binary):
        """Starts one that keeps nothing, on free ports."""
        port, aws_port = free_ports(2)
        command = [str(binary), "--ephemeral", "--port", str(port), "--aws-port", str(aws_port)]
        environment = {"PARLANCE_LOG": "error", **os.environ}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        stack = cls(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{aws_port}", process)
        try:
            stack.wait()
        except BaseException:
            stack.stop()
            raise
        return stack

    def wait(self):
        """Returns when the API answers."""
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                return self.call("GET", "/live")
            except OSError as error:
                if self.process is None:
                    raise SystemExit(f"nothing answers at {self.api}, start it with `make dev`: {error}") from None
                if self.process.poll() is not None:
                    raise SystemExit(f"parlance ended with code {self.process.returncode}") from None
                if time.monotonic() > deadline:
                    raise SystemExit(f"parlance did not answer within {START_LIMIT_S} s") from None
                time.sleep(0.05)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def function_environment(self, function):
        """What template.yaml gives a function, and how the SDKs find the services: with its own permissions."""
        return {
            **{f"TABLE_{table.upper()}": f"parlance-{table}" for table in TABLES},
            "BUCKET": "parlance",
            **{f"QUEUE_{name}": f"{self.services}/000000000000/{name.lower()}" for name in queues()},
            "SECRETS_PREFIX": "",
            "KEY_MODE": "test",
            "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH": "true",
            "AWS_ENDPOINT_URL": self.services,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": f"function-{function}",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def call(self, method, path, body=None, headers=()):
        """Calls the API and returns the JSON it answers."""
        headers = dict(headers)
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.api + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=START_LIMIT_S) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def verify(self, email):
        """Opens the link in the mail of the sign-up with this address."""
        self.call("POST", "/_local/drain", {})
        texts = [mail["text"] for mail in self.call("GET", "/_local/outbox") if mail["to"] == email]
        token = next(text.partition("/verify-email?token=")[2].split()[0] for text in texts if "/verify-email?" in text)
        self.call("POST", "/api/v1/auth/verify-email/confirm", {"token": token})

    def fetch(self, path):
        """The bytes at a path."""
        with urllib.request.urlopen(self.api + path, timeout=START_LIMIT_S) as response:
            return response.read()


class Placeholders:
    """Fills in what events leave open, making it in the stack when an event first asks for it.

    tests/events.rs says what each placeholder stands for.
    """

    def __init__(self, stack, events):
        self.stack, self.events, self.values = stack, events, {}

    def fill(self, text):
        return re.sub(r"\{\{(\w+)\}\}", lambda found: self.value(found[1]), text)

    def value(self, name):
        if name == "new_email":
            return f"{uuid.uuid4().hex}@example.com"
        if name not in self.values:
            make = getattr(self, f"make_{name}", None)
            if make is None:
                raise SystemExit(f"nobody fills in {{{{{name}}}}}")
            self.values[name] = make()
        return self.values[name]

    def call(self, path, body, headers=()):
        token = {"Authorization": f"Bearer {self.value('access_token')}"}
        return self.stack.call("POST", path, body, {**token, **dict(headers)})

    def make_email(self):
        """Of an account that exists, so both are made together."""
        email = f"{uuid.uuid4().hex}@example.com"
        account = self.stack.call("POST", "/api/v1/auth/register", {"email": email, "password": PASSWORD})
        self.values["access_token"] = account["access_token"]
        return email

    def make_access_token(self):
        self.value("email")
        return self.values["access_token"]

    def make_document_id(self):
        upload = json.loads((self.events / "documents/upload.json").read_text())
        headers = {"Content-Type": upload["headers"]["Content-Type"], "Prefer": "wait=20"}
        document = self.call("/api/v1/documents/upload", base64.b64decode(upload["body"]), headers)
        if document["status"] != "ready":
            raise SystemExit(f"the document of the events is not ready: {document}")
        return document["id"]

    def make_session_id(self):
        bot = self.call("/api/v1/chatbots", {"name": "Events", "documents": [self.value("document_id")]})
        return self.call("/api/chat/sessions", {"chatbotId": bot["id"]})["id"]
