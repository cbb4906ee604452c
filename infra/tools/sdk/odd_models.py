"""A provider whose models are slow, think, fail and refuse, as the names of the models say."""

import http.server
import json
import threading
import time

# Longer than the silence after which the API sends a comment.
PAUSE_S = 16
OBJECT = '```json\n{"name": "Ada", "age": 36}\n```'
TOO_LONG = {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "invalid_request_error",
                      "code": "context_length_exceeded", "param": "messages"}}


class Odd(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["content-length"])))["model"]
        if model == "refusing":
            body = json.dumps(TOO_LONG).encode()
            self.send_response(400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for piece in {
            "broken": ["Half"],
            "failing": ["Half", {"error": {"message": "The server is overloaded", "type": "server_error"}}],
            "slow": ["One ", PAUSE_S, "two."],
            "thinking": [{"reasoning_content": "Hm. "}, {"reasoning_content": "So."}, "Two."],
            "object": [OBJECT],
        }[model]:
            if isinstance(piece, int):
                time.sleep(piece)
            elif isinstance(piece, str):
                self.chunk({"content": piece})
            elif "error" in piece:
                self.event(piece)
                return
            else:
                self.chunk(piece)
        if model != "broken":
            self.chunk({}, "stop")
            self.wfile.write(b"data: [DONE]\n\n")

    def chunk(self, delta, finish=None):
        self.event({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "odd",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def event(self, data):
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


def start():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
