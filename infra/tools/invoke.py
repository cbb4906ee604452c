"""Sends events to function binaries the way Lambda does, against the services of a running `make dev`.

    invoke.py FUNCTION EVENT.json    one event; prints what the gateway would send to the client
    invoke.py --all FOLDER           every FOLDER/FUNCTION/*.json; one line each, exit code 1 if any fails

The binary is the real one, started with Lambda's environment variables; this file plays the Runtime API.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import base64
import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVICES = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
TIME_LIMIT_S = 60
# Ends the head of a streamed answer; the body follows.
HEAD_END = b"\0" * 8


class Answer:
    """What a function answered to one event."""

    def __init__(self):
        self.head, self.body, self.error, self.chunks = None, b"", None, []
        self.done = threading.Event()
        self.sent_at = None

    def status(self):
        return self.head.get("statusCode") if isinstance(self.head, dict) else None

    def failed(self):
        """Whether Lambda or a client would call this a failure of the service."""
        if self.error is not None or not self.done.is_set():
            return True
        if self.status() is not None:
            return self.status() >= 500
        return bool(self.head.get("batchItemFailures")) if isinstance(self.head, dict) else False


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        request_id, event, answer = self.server.events.get()
        if event is None:
            return self.reply(410, b"")
        answer.sent_at = time.monotonic()
        self.server.answers[request_id] = answer
        self.reply(200, event, {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + TIME_LIMIT_S) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:local",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        })

    def do_POST(self):
        parts = self.path.split("/")
        if parts[-2:] == ["init", "error"]:
            self.trailers = {}
            self.server.init_error = b"".join(self.read_body()).decode()
            return self.reply(202, b"{}")
        answer, kind = self.server.answers[parts[-2]], parts[-1]
        streaming = self.headers.get("Lambda-Runtime-Function-Response-Mode", "").lower() == "streaming"
        body, self.trailers = b"", {}
        for chunk in self.read_body():
            body += chunk
            answer.chunks.append((time.monotonic() - answer.sent_at, len(chunk)))
        # A stream that breaks off after its head reports the error in its trailers.
        if kind == "error" or "lambda-runtime-function-error-type" in self.trailers:
            answer.error = body.decode(errors="replace")
        elif streaming and HEAD_END in body:
            head, answer.body = body.split(HEAD_END, 1)
            answer.head = json.loads(head)
        else:
            answer.head = json.loads(body or b"null")
            if isinstance(answer.head, dict) and "statusCode" in answer.head:
                text = answer.head.pop("body", None) or ""
                answer.body = base64.b64decode(text) if answer.head.get("isBase64Encoded") else text.encode()
        answer.done.set()
        self.reply(202, b"{}")

    def read_body(self):
        """Yields the body as it arrives."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.lower()] = value.strip()

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A function that is stopped hangs up in the middle of a call: nothing to tell."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Function:
    """A function's binary, running under a Runtime API of its own."""

    def __init__(self, name):
        self.api = Server(("127.0.0.1", 0), RuntimeApi)
        self.api.events, self.api.answers, self.api.init_error = queue.Queue(), {}, None
        threading.Thread(target=self.api.serve_forever, daemon=True).start()
        self.process = subprocess.Popen([str(binary(name))], env=self.environment(name))

    def environment(self, name):
        host, port = self.api.server_address
        tables = ["identity", "app", "chunks", "usage", "ephemeral", "audit"]
        return {
            "PATH": os.environ.get("PATH", ""),
            "RUST_LOG": os.environ.get("RUST_LOG", "warn"),
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": name,
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH": "true",
            "AWS_ENDPOINT_URL": SERVICES,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **{f"TABLE_{table.upper()}": f"parlance-{table}" for table in tables},
            "BUCKET": "parlance",
            "QUEUE_INDEX_DOCUMENTS": f"{SERVICES}/000000000000/index_documents",
            "SECRETS_PREFIX": "",
        }

    def send(self, event):
        answer = Answer()
        self.api.events.put((str(uuid.uuid4()), event, answer))
        deadline = time.monotonic() + TIME_LIMIT_S
        while not answer.done.wait(0.1):
            if self.process.poll() is not None:
                answer.error = self.api.init_error or f"the binary ended with code {self.process.returncode}"
                break
            if time.monotonic() > deadline:
                answer.error = f"no answer within {TIME_LIMIT_S} s"
                break
        return answer

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.api.shutdown()


def binary(name):
    metadata = subprocess.run(["cargo", "metadata", "--format-version=1", "--no-deps"], check=True, capture_output=True)
    path = Path(json.loads(metadata.stdout)["target_directory"]) / "debug" / name
    if not path.is_file():
        sys.exit(f"{path} is missing: cargo build --package {name} --bin {name}")
    return path


def show(answer):
    if answer.error is not None:
        print(answer.error, file=sys.stderr)
    elif answer.status() is None:
        print(json.dumps(answer.head, indent=2))
    else:
        print(answer.status())
        for name, value in sorted((answer.head.get("headers") or {}).items()):
            print(f"{name}: {value}")
        for name, values in sorted((answer.head.get("multiValueHeaders") or {}).items()):
            for value in values:
                print(f"{name}: {value}")
        print()
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.body)
        print()


def summary(answer):
    if answer.error is not None:
        return f"error: {answer.error[:200]}"
    first, last = answer.chunks[0][0] * 1000, answer.chunks[-1][0] * 1000
    what = answer.status() or f"{len((answer.head or {}).get('batchItemFailures', []))} failed messages"
    return f"{what}, {len(answer.body)} bytes, {len(answer.chunks)} chunks, {first:.0f} to {last:.0f} ms"


def replay(folder):
    failures, count = 0, 0
    for function_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        function = Function(function_folder.name)
        try:
            for event in sorted(function_folder.glob("*.json")):
                answer = function.send(event.read_bytes())
                count += 1
                failures += answer.failed()
                print(f"{'FAILED' if answer.failed() else 'ok':<7} {event.relative_to(folder)}: {summary(answer)}")
        finally:
            function.stop()
    print(f"{count - failures} passed, {failures} failed")
    return 1 if failures or not count else 0


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--all":
        return replay(Path(sys.argv[2]))
    function = Function(sys.argv[1])
    try:
        answer = function.send(Path(sys.argv[2]).read_bytes())
    finally:
        function.stop()
    show(answer)
    return 1 if answer.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
