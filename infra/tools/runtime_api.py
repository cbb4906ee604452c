"""Lambda's Runtime API, enough of it to run a function's real binary on this machine.

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

TIME_LIMIT_S = 60
# Ends the head of a streamed answer; the body follows.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
HEAD_END = b"\0" * 8
STREAM_TYPE = "application/vnd.awslambda.http-integration-response"


class Answer:
    """What a function answered to one event."""

    def __init__(self):
        self.head, self.body, self.error = None, b"", None
        # Seconds after the event at which each part of the answer arrived; the head of a stream is part 0.
        self.arrivals = []
        self.streamed = False
        self.done = threading.Event()
        self.sent_at = None

    def status(self):
        """The HTTP status; none when a worker answered."""
        return self.head.get("statusCode") if isinstance(self.head, dict) else None

    def headers(self):
        """Name and value of each header, sorted."""
        single = (self.head.get("headers") or {}).items()
        multiple = (self.head.get("multiValueHeaders") or {}).items()
        return sorted([*single, *((name, value) for name, values in multiple for value in values)])

    def take_whole(self, body):
        self.head = json.loads(body or b"null")
        if self.status() is not None:
            text = self.head.pop("body", None) or ""
            self.body = base64.b64decode(text) if self.head.get("isBase64Encoded") else text.encode()

    def take_stream(self, body, content_type):
        if content_type != STREAM_TYPE or HEAD_END not in body:
            self.error = f"a stream of {content_type!r} without a head, which API Gateway cannot read"
            return
        head, self.body = body.split(HEAD_END, 1)
        self.head, self.streamed = json.loads(head), True


class RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        request_id, event, answer = self.server.events.get()
        self.server.answers[request_id] = answer
        answer.sent_at = time.monotonic()
        self.reply(200, event, {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + TIME_LIMIT_S) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:local",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        })

    def do_POST(self):
        parts, self.trailers = self.path.split("/"), {}
        if parts[-2:] == ["init", "error"]:
            self.server.init_error = b"".join(self.read_body()).decode()
            return self.reply(202, b"{}")
        answer, body = self.server.answers.pop(parts[-2]), b""
        try:
            for part in self.read_body():
                body += part
                answer.arrivals.append(time.monotonic() - answer.sent_at)
        except ConnectionError as error:
            answer.error = str(error)
            answer.done.set()
            raise
        # A stream that fails after its head reports the error in its trailers.
        failure = self.trailers.get("lambda-runtime-function-error-type")
        if parts[-1] == "error":
            answer.error = body.decode(errors="replace")
        elif failure is not None:
            answer.error = f"the stream failed after {len(body)} bytes: {failure}"
        elif self.headers.get("Lambda-Runtime-Function-Response-Mode", "").lower() == "streaming":
            answer.take_stream(body, self.headers.get("Content-Type"))
        else:
            answer.take_whole(body)
        answer.done.set()
        self.reply(202, b"{}")

    def read_body(self):
        """Yields the body as it arrives."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.line().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.line()
        while line := self.rfile.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.lower()] = value.strip()

    def line(self):
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the function hung up in the middle of an answer")
        return line

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
    """A function's binary under a Runtime API of its own. What it logs goes to standard error, errors only unless
    PARLANCE_LOG asks for more."""

    def __init__(self, name, binary, environment):
        self.api = Server(("127.0.0.1", 0), RuntimeApi)
        self.api.events, self.api.answers, self.api.init_error = queue.Queue(), {}, None
        threading.Thread(target=self.api.serve_forever, daemon=True).start()
        host, port = self.api.server_address
        self.process = subprocess.Popen([str(binary)], stdout=sys.stderr, env={
            "PATH": os.environ.get("PATH", ""),
            "PARLANCE_LOG": os.environ.get("PARLANCE_LOG", "error"),
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": name,
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            **environment,
        })

    def send(self, event):
        """Sends an event, a text of JSON, and waits for the answer."""
        answer = Answer()
        self.api.events.put((str(uuid.uuid4()), event.encode(), answer))
        deadline = time.monotonic() + TIME_LIMIT_S
        while not answer.done.wait(0.05):
            if self.process.poll() is not None:
                answer.error = self.api.init_error or f"the binary ended with code {self.process.returncode}"
                break
            if time.monotonic() > deadline:
                answer.error = f"no answer within {TIME_LIMIT_S} s"
                break
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.api.shutdown()
        self.api.server_close()
