"""The server that is killed."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Longest time from start to answering, in seconds.
START_LIMIT_S = 15
# Longer than what a dead worker had in its hands stays there, and than any delay after a failure, in seconds.
LEASE_S, LONGEST_DELAY_S = 120, 920
# Rounds of failures after which something must be wrong.
MAX_ROUNDS = 40


class Lost(Exception):
    """The server died before it answered."""


def signed(host, target, body):
    """The headers of a request to the tables by a developer, as AWS wants them (Signature Version 4)."""
    now = datetime.datetime.now(datetime.UTC)
    day, at = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    names, scope = "host;x-amz-date;x-amz-target", f"{day}/us-east-1/dynamodb/aws4_request"
    digest = hashlib.sha256(body).hexdigest()
    request = f"POST\n/\n\nhost:{host}\nx-amz-date:{at}\nx-amz-target:{target}\n\n{names}\n{digest}"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4test"
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return {
        "Host": host, "X-Amz-Date": at, "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={names}, Signature={key.hex()}",
    }


class Server:
    """One data folder, and the process that serves it now."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.process = binary, folder / "data", None
        self.port, self.aws_port = free_port(), free_port()
        self.log = open(folder / "server.log", "wb")
        self.starts_s = []
        # How much later it is for the server than for this machine: what was in flight at its death comes back with time.
        self.ahead_s = 0

    def spawn(self):
        command = [self.binary, "--port", self.port, "--aws-port", self.aws_port, "--data-dir", self.folder,
                   "--clock-ahead", self.ahead_s]
        # Without the embedding model that a developer may have fetched: it takes minutes for the longest file.
        environment = {**os.environ, "EMBEDDING_MODEL": ""}
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log, env=environment)

    def start(self):
        begun = time.monotonic()
        self.spawn()
        while time.monotonic() - begun < START_LIMIT_S:
            if self.process.poll() is not None:
                break
            try:
                if self.request("GET", "/live")[0] == 200:
                    return self.starts_s.append(time.monotonic() - begun)
            except Lost:
                time.sleep(0.01)
        sys.exit(f"the server did not start: see {self.log.name}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def request(self, method, path, body=None, headers=None, port=None):
        """Status and body; `body` is bytes, or something to send as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Lost from error
        finally:
            connection.close()

    def local(self, path, body=None):
        """A request to `/_local`, which must succeed."""
        status, answer = self.request("GET" if body is None else "POST", f"/_local/{path}", body)
        if status != 200:
            sys.exit(f"/_local/{path} answered {status}: {answer.decode(errors='replace')}")
        return json.loads(answer)

    def advance(self, seconds):
        """Moves the clock of a running server, and of those that follow it."""
        self.local("clock", {"advance_seconds": seconds})
        self.ahead_s += seconds

    def dynamodb(self, operation, body):
        """A request to the tables, which must succeed."""
        headers = signed(f"127.0.0.1:{self.aws_port}", f"DynamoDB_20120810.{operation}", json.dumps(body).encode())
        status, answer = self.request("POST", "/", body, headers, self.aws_port)
        if status != 200:
            sys.exit(f"{operation} answered {status}: {answer.decode(errors='replace')}")
        return json.loads(answer)

    def promises(self):
        """Entries of the outbox, which are in partitions numbered from 0."""
        found = []
        for shard in range(16):
            query = {"TableName": "parlance-app", "KeyConditionExpression": "pk = :shard",
                     "ExpressionAttributeValues": {":shard": {"S": f"OUT#{shard}"}}}
            found += self.dynamodb("Query", query)["Items"]
        return found

    def messages(self, queue="%"):
        """Deliveries of each message that a worker has, in one queue or all, of a dead server. A copy is read: opening repairs."""
        with tempfile.TemporaryDirectory() as copy:
            for file in self.folder.glob("sqs.sqlite*"):
                shutil.copy(file, copy)
            messages = sqlite3.connect(Path(copy, "sqs.sqlite"))
            try:
                return [count for (count,) in messages.execute(
                    "SELECT receive_count FROM messages WHERE queue LIKE ? AND receipt IS NOT NULL", [queue])]
            except sqlite3.OperationalError:
                return []  # killed before the file was made
            finally:
                messages.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def settle(server):
    """Delivers everything, moving the clock to when failed messages come back; answers by how many seconds."""
    before = server.ahead_s
    for _ in range(MAX_ROUNDS):
        if not any(server.local("drain", {}).values()):
            return server.ahead_s - before
        server.advance(LONGEST_DELAY_S)
    sys.exit(f"messages still come back after {MAX_ROUNDS} rounds: see {server.log.name}")
