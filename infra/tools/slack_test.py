#!/usr/bin/env python3
"""Judges what `parlance` sends to Slack, and what it accepts from there, by Slack's own libraries.

Calls are recorded by a server that answers like Slack, and each is compared with the types of arguments of Slack's
library for Node, as JSON Schemas: an unknown argument, block or element is refused. Requests of Slack are signed, rightly
and wrongly, and `slack_bolt` says what each of them is worth.

The binary is run with SLACK_BASE_URL, so no workspace is needed and nothing leaves this machine."""

import argparse
import collections
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import logging
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import jsonschema
import slack_bolt
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request import BoltRequest
from slack_sdk.version import __version__ as SDK_VERSION

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_stack import free_ports  # noqa: E402

SECRET, OTHER, CLIENT = "8f742231b10e8888abcd99yyyzzz85a5", "0123456789abcdef0123456789abcdef", ("111.222", "client-secret")
EVENTS, CLICKS, COMMANDS = (f"/api/v1/integrations/slack/{what}" for what in ("events", "interactivity", "commands"))
# Methods whose arguments are a form, of texts only.
FORMS = {"conversations.replies", "oauth.v2.access"}
# How long the model thinks before it answers, in seconds.
THINKS = 20


class Slack(http.server.BaseHTTPRequestHandler):
    """Answers like Slack, and judges."""

    protocol_version = "HTTP/1.1"
    schemas, verdicts, faults = {}, collections.Counter(), []
    # What happens to the next call of a method.
    refusals = collections.defaultdict(list)
    messages, lock = [], threading.Lock()

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        if self.path.startswith("/commands/"):
            arguments = json.loads(body)
            judged = {key: value for key, value in arguments.items() if key not in ("response_type",)}
            self.judge("response_url", "ChatPostEphemeral", {**judged, "channel": "C", "user": "U"})
            return self.answer(b"ok")
        method = self.path.removeprefix("/api/")
        if method in FORMS:
            arguments = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            arguments = {key: {"true": True, "200": 200}.get(value, value) for key, value in arguments.items()}
        else:
            assert self.headers["content-type"].startswith("application/json"), method
            arguments = json.loads(body)
        name = "".join(part[0].upper() + part[1:] for part in method.split("."))
        self.judge(method, name, arguments)
        with self.lock:
            refusal = self.refusals[method].pop(0) if self.refusals[method] else None
            ts = f"{2_000_000_000}.{len(self.messages):06}"
            # After a failure of Slack's own the message is there all the same.
            if refusal in (None, "internal_error"):
                self.say(method, arguments, ts)
        if refusal:
            return self.answer(json.dumps({"ok": False, "error": refusal}).encode())
        done = {"ok": True, "channel": arguments.get("channel"), "ts": ts}
        if method == "conversations.replies":
            done["messages"] = [it for it in self.messages if it["thread_ts"] == arguments["ts"]]
        if method == "auth.test":
            done |= {"team_id": "T1", "team": "One", "user_id": "U0BOT", "user": "parlance", "bot_id": "B1", "url": "https://x"}
        if method == "oauth.v2.access":
            done |= {"access_token": "xoxb-1", "token_type": "bot", "team": {"id": "T1"}, "bot_user_id": "U0BOT"}
        self.answer(json.dumps(done).encode())

    def say(self, method, arguments, ts):
        """What people see in the thread."""
        blocks = arguments.get("blocks", [])
        text = arguments.get("markdown_text", "".join(block["text"] for block in blocks if block["type"] == "markdown"))
        if method in ("chat.startStream", "chat.postMessage"):
            self.messages.append({"ts": ts, "user": "U0BOT", "thread_ts": arguments["thread_ts"], "text": text})
        for said in self.messages:
            if said["ts"] == arguments.get("ts") and method in ("chat.appendStream", "chat.update"):
                said["text"] = said["text"] * (method == "chat.appendStream") + text

    def judge(self, method, name, arguments):
        schema = {"$ref": f"#/definitions/{name}", "definitions": self.schemas}
        errors = list(jsonschema.Draft7Validator(schema).iter_errors(arguments))
        if errors:
            best = jsonschema.exceptions.best_match(errors)
            self.faults.append(f"{method}: {best.message[:300]} in {json.dumps(arguments)[:600]}")
        self.verdicts[method] += 1

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Model(http.server.BaseHTTPRequestHandler):
    """A model that thinks for a long time."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        is_steady = b"steady" in self.rfile.read(int(self.headers["content-length"] or 0))
        time.sleep(0 if is_steady else THINKS)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m"}
        words = [({"role": "assistant", "content": word}, None) for word in ("Three ", "years ", "from ", "then.")]
        for delta, finish in [*words, ({}, "stop")]:
            time.sleep(1 if is_steady else 0)
            event = {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")


class Api:
    """The API as a client."""

    def __init__(self, url):
        self.url, self.token = url, None

    def call(self, method, path, body=None, **headers):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def ok(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer


# How far the clock of the stack was moved ahead, in seconds.
MOVED = [0]


def now():
    return int(time.time()) + MOVED[0]


def signature(secret, timestamp, body):
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


def post(api, path, body, secret=SECRET, age=0, **more):
    timestamp = str(now() - age)
    headers = {"x_slack_request_timestamp": timestamp, "x_slack_signature": signature(secret, timestamp, body), **more}
    return api.call("POST", path, body, **headers)


def event(number, text="How long is the warranty?", **more):
    at = f"{now()}.{number:06}"
    inner = {"type": "app_mention", "user": "U0ADA", "text": f"<@U0BOT> {text}", "ts": at, "channel": "C1", "event_ts": at}
    return json.dumps({"token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": f"Ev{number}",
                       "event_time": now(), "authorizations": [{"team_id": "T1", "user_id": "U0BOT", "is_bot": True}],
                       "event": {**inner, **more}}).encode()


def sign_in(api):
    return api.ok("POST", "/api/v1/auth/login", {"email": "ada@example.com", "password": "correct horse battery"})["access_token"]


def drain(api):
    for _ in range(50):
        if api.ok("POST", "/_local/drain", {})["waiting"] == 0:
            return
        api.ok("POST", "/_local/clock", {"advance_seconds": 901})
        MOVED[0] += 901
    raise AssertionError("the queues are not empty")


def set_up(api):
    """A chatbot in the workspace T1, by OAuth; and an app of the organization's own, by pasted credentials."""
    account = {"email": "ada@example.com", "password": "correct horse battery"}
    api.token = api.ok("POST", "/api/v1/auth/register", account)["access_token"]
    settings = {"suggested_questions": ["How long?"], "welcome_message": "Hello.", "fixed_answers": [
        {"question": "long story", "answer": "A line of words.\n\n```\nlet x = 1;\n```\n\n" * 40}]}
    bot = api.ok("POST", "/api/v1/chatbots", {"name": "Help", "settings": settings})["id"]
    own = api.ok("POST", "/api/v1/integrations/slack", {"name": "Own"})["id"]
    api.ok("POST", f"/api/v1/integrations/slack/{own}/credentials", {"bot_token": "xoxb-own", "signing_secret": OTHER})
    api.ok("DELETE", f"/api/v1/integrations/{own}")
    made = api.ok("POST", "/api/v1/integrations/slack", {"name": "Slack", "chatbot_id": bot})["id"]
    url = api.ok("POST", f"/api/v1/integrations/slack/{made}/install", {})["url"]
    state = dict(urllib.parse.parse_qsl(url.split("?")[1]))["state"]
    api.ok("POST", f"/api/v1/integrations/slack/{made}/install/complete", {"state": state, "code": "code"})
    return bot


def converse(api, bot, url):
    """Everything that is said at Slack: streams, posts, updates, notices, greetings, commands."""
    number = iter(range(1, 1000))
    for text in ["How long is the warranty?", "long story", ""]:
        assert post(api, EVENTS, event(next(number), text))[0] == 200
    drain(api)
    # A stream that cannot begin, one that ends early, and one whose beginning is in doubt.
    for method, code in [("chat.startStream", "channel_type_not_supported"), ("chat.startStream", "internal_error"),
                         ("chat.stopStream", "message_not_in_streaming_state"), ("chat.postMessage", "fatal_error")]:
        Slack.refusals[method].append(code)
        assert post(api, EVENTS, event(next(number)))[0] == 200
        drain(api)
    api.token = sign_in(api)
    api.ok("PUT", f"/api/v1/chatbots/{bot}", {"settings": {"model": "compatible/steady"}})
    assert post(api, EVENTS, event(next(number)))[0] == 200
    drain(api)
    pane = {"type": "assistant_thread_started", "assistant_thread": {"user_id": "U0ADA", "channel_id": "D1", "thread_ts": "1.1"}}
    assert post(api, EVENTS, event(next(number), **pane))[0] == 200
    direct = {"type": "message", "channel_type": "im", "channel": "D1"}
    assert post(api, EVENTS, event(next(number), **direct))[0] == 200
    form = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ADA", "command": "/ask", "text": "How long is the warranty?",
            "trigger_id": "1.2.3", "response_url": f"{url}/commands/1"}
    assert post(api, COMMANDS, urllib.parse.urlencode(form).encode())[0] == 200
    drain(api)


def refuse(api, bot):
    """A limit that is told to one person only."""
    api.ok("PUT", f"/api/v1/chatbots/{bot}", {"settings": {"daily_token_cap": 1, "model": "compatible/slow"}})
    assert post(api, EVENTS, event(900))[0] == 200
    drain(api)
    assert Slack.verdicts["chat.postEphemeral"] >= 1


def compare(api):
    """Each request is worth here what it is worth to `slack_bolt`."""
    def authorized(**_):
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="U0BOT")

    logging.disable(logging.CRITICAL)
    app = slack_bolt.App(signing_secret=SECRET, authorize=authorized, process_before_response=True)
    app.event("app_mention")(lambda: None)
    app.action("parlance_feedback")(lambda ack: ack())
    app.command("/ask")(lambda ack: ack())
    mention = event(1)
    check = json.dumps({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).encode()
    click = {"type": "block_actions", "team": {"id": "T1", "domain": "x"}, "user": {"id": "U1", "team_id": "T1"}, "api_app_id": "A1",
             "channel": {"id": "C1"}, "actions": [{"type": "feedback_buttons", "action_id": "parlance_feedback", "value": "up:x"}]}
    click = urllib.parse.urlencode({"payload": json.dumps(click)}).encode()
    command = urllib.parse.urlencode({"team_id": "T1", "channel_id": "C1", "user_id": "U1", "command": "/ask", "text": "",
                                      "trigger_id": "9.9", "response_url": "https://hooks.slack.com/x"}).encode()
    at = now()
    judged = 0
    for path, body in [(EVENTS, mention), (EVENTS, check), (CLICKS, click), (COMMANDS, command)]:
        def sign(time, secret=SECRET, body=body):
            return signature(secret, time, body)
        right = sign(at)
        cases = [(str(at), right), (str(at - 290), sign(at - 290)), (str(at + 290), sign(at + 290)),
                 (str(at - 310), sign(at - 310)), (str(at + 310), sign(at + 310)), (str(at), sign(at, OTHER)),
                 (str(at), sign(at - 1)), (str(at), "v0=" + "0" * 64), (str(at), right.upper()), (str(at), right[:3] + right[3:].upper()),
                 (str(at), right[3:]), (str(at), "v1" + right[2:]), (str(at), right[:-1]), ("", right), (str(at), ""),
                 ("soon", sign("soon")), (f"{at}.5", sign(f"{at}.5"))]
        for retries in (None, "1"):
            for timestamp, tag in cases:
                headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": tag,
                           "content-type": "application/json" if body[:1] == b"{" else "application/x-www-form-urlencoded"}
                if retries:
                    headers |= {"x-slack-retry-num": retries, "x-slack-retry-reason": "http_timeout"}
                expected = app.dispatch(BoltRequest(body=body.decode(), headers=headers)).status
                if expected == 500:
                    # A time that is no number is an exception in `slack_bolt`, and no request of Slack's.
                    expected = 401
                status, answer = api.call("POST", path, body, **{name.replace("-", "_"): value for name, value in headers.items()})
                assert status == expected, f"{path} {timestamp!r} {tag!r}: {status} {answer}, slack_bolt says {expected}"
                judged += 1
    return judged


def kill(start, bot, count):
    """The server dies while it answers, and starts again: one reply to each message, and the whole of it."""
    process, api = start()
    api.token = sign_in(api)
    api.ok("PUT", f"/api/v1/chatbots/{bot}", {"settings": {"daily_token_cap": None, "model": "compatible/steady"}})
    whole = 0
    for number in range(count):
        at = f"{now()}.{5_000 + number:06}"
        assert post(api, EVENTS, event(5_000 + number, ts=at))[0] == 200
        # The model needs some five seconds.
        time.sleep(random.uniform(0, 6))
        process.kill()
        process.wait()
        process, api = start()
        drain(api)
        said = [message["text"] for message in Slack.messages if message["thread_ts"] == at]
        assert len(said) == 1, f"kill {number}: {said}"
        whole += said[0] == "Three years from then."
    assert whole == count, f"{count - whole} replies are not whole"
    return process


def acknowledge(api, bot, count=200):
    """How long Slack waits for its response while the model thinks, in milliseconds: median and 99th percentile."""
    api.ok("PUT", f"/api/v1/chatbots/{bot}", {"settings": {"daily_token_cap": None, "model": "compatible/slow"}})

    def one(number):
        body = event(number)
        begun = time.monotonic()
        status, answer = post(api, EVENTS, body)
        assert status == 200, answer
        return (time.monotonic() - begun) * 1000

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        took = sorted(pool.map(one, range(2_000, 2_000 + count)))
    return took[count // 2], took[count * 99 // 100]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--kills", type=int, default=10, help="how often the server dies while it answers")
    parser.add_argument("--schemas", type=pathlib.Path, required=True, help="JSON Schemas of the types in slack/types.ts")
    arguments = parser.parse_args()
    Slack.schemas = json.loads(arguments.schemas.read_text())["definitions"]
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in (Slack, Model)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    slack, model = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    port, aws_port = free_ports(2)
    environment = {**os.environ, "SLACK_BASE_URL": slack, "SLACK_SIGNING_SECRET": SECRET, "SLACK_CLIENT_ID": CLIENT[0],
                   "SLACK_CLIENT_SECRET": CLIENT[1], "OPENAI_COMPATIBLE_BASE_URL": model, "EMBEDDING_MODEL": ""}
    with tempfile.TemporaryDirectory() as folder:
        command = [str(arguments.binary.resolve()), "--port", str(port), "--aws-port", str(aws_port), "--data-dir", "data"]

        def start():
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            assert "listening" in process.stdout.readline(), "parlance did not start"
            api = Api(f"http://127.0.0.1:{port}")
            # A server begins with the clock of the machine, and messages of before wait for later times.
            if MOVED[0]:
                api.ok("POST", "/_local/clock", {"advance_seconds": MOVED[0]})
            return process, api

        process, api = start()
        try:
            try:
                bot = set_up(api)
                judged = compare(api)
                drain(api)
                converse(api, bot, slack)
                api.token = sign_in(api)
                refuse(api, bot)
                api.token = sign_in(api)
                median, worst = acknowledge(api, bot)
                drain(api)
                process.kill()
                process.wait()
                process = kill(start, bot, arguments.kills)
            finally:
                for fault in Slack.faults:
                    print("refused by Slack's types:", fault)
            assert not Slack.faults
            unseen = {"chat.appendStream", "chat.update", "chat.postEphemeral", "conversations.replies"} - set(Slack.verdicts)
            assert not unseen, f"never called: {unseen}"
        finally:
            process.kill()
            process.wait()
    for method, count in sorted(Slack.verdicts.items()):
        print(f"{count:4} accepted  {method}")
    print(f"{sum(Slack.verdicts.values())} calls, 0 refused by the types of @slack/web-api; {judged} requests judged as by slack_bolt "
          f"(slack_sdk {SDK_VERSION})")
    print(f"acknowledged after {median:.0f} ms (median) and {worst:.0f} ms (99th percentile) while the model thinks for {THINKS} s")
    print(f"killed {arguments.kills} times while it answered: one reply to each message, and the whole of it")
    assert worst < 3_000, "Slack repeats what has no response after three seconds"


if __name__ == "__main__":
    main()
