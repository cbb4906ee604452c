#!/usr/bin/env python3
"""Judges what `parlance` sends to Stripe, and what it accepts from there, by Stripe's own library for Python.

Requests are recorded by a server that answers like Stripe, and each is compared with the types of parameters that
Stripe generates for its library: an unknown parameter is refused, however deep it is nested. Webhooks are signed by
the library's own code, rightly and wrongly.

The binary is run with STRIPE_BASE_URL, so no account is needed and nothing leaves this machine."""

import argparse
import collections
import http.server
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import typing
import urllib.error
import urllib.parse
import urllib.request

import pydantic
import stripe

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_stack import free_ports  # noqa: E402

SECRET, RETURN = "whsec_judge", "http://localhost:3000/billing"
ROOT = {"email": "root@example.com", "password": "correct horse battery"}
# Path of a request, and the types of its parameters.
JUDGES = [
    ("POST", r"/v1/customers", "_customer_create_params", "CustomerCreateParams"),
    ("POST", r"/v1/checkout/sessions", "checkout._session_create_params", "SessionCreateParams"),
    ("POST", r"/v1/checkout/sessions/\w+/expire", "checkout._session_expire_params", "SessionExpireParams"),
    ("POST", r"/v1/billing_portal/sessions", "billing_portal._session_create_params", "SessionCreateParams"),
    ("POST", r"/v1/subscriptions/\w+", "_subscription_update_params", "SubscriptionUpdateParams"),
    ("POST", r"/v1/invoices/create_preview", "_invoice_create_preview_params", "InvoiceCreatePreviewParams"),
    ("POST", r"/v1/billing/meter_events", "billing._meter_event_create_params", "MeterEventCreateParams"),
    ("GET", r"/v1/subscriptions", "_subscription_list_params", "SubscriptionListParams"),
    ("GET", r"/v1/invoices", "_invoice_list_params", "InvoiceListParams"),
]
# What a request may have besides parameters, as an option of the library.
OPTIONS = set(stripe.RequestOptions.__annotations__)


def strict(module, name):
    """A validator of a type of parameters that knows no others, in it and below."""
    module = importlib.import_module(f"stripe.params.{module}")
    for found in vars(module).values():
        if isinstance(found, type) and hasattr(found, "__total__"):
            found.__pydantic_config__ = pydantic.ConfigDict(extra="forbid")
    names = {**vars(typing), **vars(stripe), **vars(module), "StripeContext": typing.Any}
    names["UntypedStripeObject"] = typing.Dict[str, typing.TypeVar("T")]
    module.UntypedStripeObject = names["UntypedStripeObject"]
    adapter = pydantic.TypeAdapter(getattr(module, name), config=None)
    adapter.rebuild(_types_namespace=names, raise_errors=True)
    return adapter


def nested(encoded):
    """The parameters of a form: `a[0][b]=c` is `{"a": [{"b": "c"}]}`."""
    root = {}
    for name, value in urllib.parse.parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded)):
        *path, last = re.findall(r"[^\[\]]+", name)
        inner = root
        for part in path:
            inner = inner.setdefault(part, {})
        assert last not in inner, f"{name} is sent twice"
        inner[last] = value

    def lists(value):
        if not isinstance(value, dict):
            return value
        value = {name: lists(inner) for name, inner in value.items()}
        if value and all(name.isdigit() for name in value):
            assert sorted(map(int, value)) == list(range(len(value))), f"indexes {sorted(value)}"
            return [value[str(index)] for index in range(len(value))]
        return value

    return lists(root)


class Stripe(http.server.BaseHTTPRequestHandler):
    """Answers requests whose parameters Stripe's types accept."""

    protocol_version = "HTTP/1.1"
    judges = [(method, re.compile(path), strict(module, name)) for method, path, module, name in JUDGES]
    lock = threading.Lock()
    verdicts, keys = collections.Counter(), {}
    faults, subscriptions = [], []

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        with self.lock:
            try:
                self.judge(url, body)
            except Exception as error:  # noqa: BLE001
                self.faults.append(f"{self.command} {url.path}: {error}")
                return self.answer(400, {"error": {"type": "invalid_request_error", "message": str(error)}})
            self.verdicts[f"{self.command} {re.sub(r'/(cs_test|sub)_[a-z0-9]+', '/{id}', url.path)}"] += 1
            return self.answer(200, self.respond(url, nested(body)))

    do_GET = do_POST = do_DELETE = handle_request

    def judge(self, url, body):
        assert self.headers["authorization"] == "Bearer sk_test_judge", "wrong key"
        assert self.headers["stripe-version"] == stripe.api_version, f"version {self.headers['stripe-version']}"
        if self.command == "DELETE":
            return
        found = [judge for method, path, judge in self.judges if method == self.command and path.fullmatch(url.path)]
        assert found, "Stripe has no such operation, or nobody judges it"
        encoded = url.query if self.command == "GET" else body
        parameters = nested(encoded)
        assert not set(parameters) & OPTIONS, "an option of the library is no parameter"
        found[0].validate_python(parameters)
        if self.command == "POST":
            assert self.headers["content-type"].startswith("application/x-www-form-urlencoded"), "no form"
            key = self.headers["idempotency-key"]
            assert key and len(key) <= 255, f"idempotency key {key!r}"
            assert self.keys.setdefault(key, (url.path, body)) == (url.path, body), "a key with two requests"

    def respond(self, url, parameters):
        number = len(self.keys)
        if url.path == "/v1/customers":
            return {"id": f"cus_{number}", "object": "customer"}
        if url.path == "/v1/subscriptions":
            return {"object": "list", "data": self.subscriptions, "has_more": False}
        if url.path == "/v1/invoices/create_preview":
            return {"object": "invoice", "total": 1, "currency": "usd", "created": 1, "lines": {"data": []}}
        if url.path == "/v1/invoices":
            return {"object": "list", "data": [], "has_more": False}
        if url.path.startswith("/v1/subscriptions/"):
            (subscription,) = self.subscriptions
            item = subscription["items"]["data"][0]
            for change in parameters.get("items", []):
                if "id" in change:
                    item["price"]["id"] = change.get("price", item["price"]["id"])
                else:
                    subscription["items"]["data"].append({"id": "si_2", "price": {"id": change["price"]}})
            subscription["cancel_at_period_end"] = parameters.get("cancel_at_period_end") == "true"
            return subscription
        if url.path == "/v1/billing/meter_events":
            return {"object": "billing.meter_event", **parameters}
        kind = "cs_test" if "checkout" in url.path else "bps"
        return {"id": f"{kind}_{number}", "object": "session", "url": f"https://checkout.stripe.com/c/{number}",
                "expires_at": int(time.time()) + 86400}


def subscribe():
    """A subscription, as Stripe lists it."""
    end = int(time.time()) + 86400
    item = {"id": "si_1", "quantity": 1, "price": {"id": "price_pro"}, "current_period_end": end}
    Stripe.subscriptions.append({"id": "sub_1", "object": "subscription", "status": "active", "created": 1,
                                 "items": {"object": "list", "data": [item], "has_more": False}})


class Api:
    """The API of a running `parlance`."""

    def __init__(self, url):
        self.url, self.token = url, None

    def call(self, method, path, body=None, **headers):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def expect(self, status, *call, **headers):
        found, answer = self.call(*call, **headers)
        assert found == status, f"{call}: {found} {answer}"
        return answer


def pay(api):
    """Everything that leads to a request to Stripe."""
    account = api.expect(201, "POST", "/api/v1/auth/register",
                         {"email": "ada@example.com", "password": "correct horse battery"})
    api.token = account["access_token"]
    for plan in ("PRO", "TEAM"):
        api.expect(201, "POST", "/api/v1/billing/checkout",
                   {"plan_type": plan, "success_url": RETURN + "?session={CHECKOUT_SESSION_ID}", "cancel_url": RETURN})
    api.expect(201, "POST", "/api/v1/billing/portal", {"return_url": RETURN})
    api.expect(200, "GET", "/api/v1/billing/invoices")
    subscribe()
    api.expect(409, "POST", "/api/v1/billing/checkout", {"plan_type": "PRO", "success_url": RETURN})
    api.expect(200, "POST", "/api/v1/billing/subscription/preview", {"plan_type": "TEAM"})
    api.expect(200, "PUT", "/api/v1/billing/subscription", {"plan_type": "TEAM"})
    api.expect(200, "POST", "/api/v1/billing/subscription/cancel", {})
    api.expect(200, "POST", "/api/v1/billing/subscription/resume", {})
    assert api.expect(200, "GET", "/api/v1/billing/subscription")["plan_type"] == "TEAM"


def overage(api):
    """An organization that uses up its limit, and draws a pack that Stripe has to hear of."""
    org = api.expect(201, "POST", "/api/v1/orgs", {"name": "Acme"})["id"]
    api.expect(200, "POST", "/_local/drain")
    # The first one creates its customer, for whom the second one finds the subscription that the double lists for all.
    for status in (201, 409):
        api.expect(status, "POST", "/api/v1/billing/checkout", {"plan_type": "PRO", "success_url": RETURN}, x_current_org=org)
    assert api.expect(200, "GET", "/api/v1/billing/subscription", x_current_org=org)["plan_type"] == "TEAM"
    root = Api(api.url)
    root.token = root.expect(200, "POST", "/api/v1/auth/login", ROOT)["access_token"]
    root.expect(200, "PUT", f"/api/v1/admin/orgs/{org}/entitlements", {"limits": {"tokens_per_day": 400}, "reason": "A test"})
    cap = {"spending_cap_cents": 1000}
    assert api.expect(200, "PUT", "/api/v1/billing/overage", cap, x_current_org=org)["enabled"]
    question = {"model": "local", "max_tokens": 300, "messages": [{"role": "user", "content": "Hello?"}]}
    for _ in range(50):
        api.expect(200, "POST", "/v1/chat/completions", question, x_current_org=org)
        if api.expect(200, "GET", "/api/v1/billing/overage", x_current_org=org)["packs"]:
            break
    api.expect(200, "POST", "/_local/run/reconcile_billing")
    api.expect(200, "POST", "/_local/drain")
    drawn = api.expect(200, "GET", "/api/v1/billing/overage", x_current_org=org)
    assert drawn["packs"] == drawn["reported_packs"] == 1, drawn


def signed(payload, secret, at):
    """The header of a webhook, by the code of Stripe's library."""
    tag = stripe.WebhookSignature._compute_signature(f"{at}.{payload}", secret)
    return f"t={at},v1={tag}"


def send_events(api):
    """Webhooks that Stripe's library accepts are accepted, and those that it refuses are refused."""
    payload = json.dumps({"id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": False, "created": 1,
                          "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_0"}}})
    now = int(time.time())
    right = signed(payload, SECRET, now)
    tag = right.split("v1=")[1]
    cases = [right, signed(payload, SECRET, now - 290), signed(payload, SECRET, now - 310), signed(payload, "whsec_x", now),
             f"t={now},v1={'0' * 64},v1={tag}", f"t={now},v0={tag}", f"v1={tag}", f"t={now - 1},v1={tag}", "",
             f"t={now},v1={tag[:-1]}", f"t={now},v1={tag[1:]}0", right.replace("v1=", "v2=")]
    agreed = 0
    for header in cases:
        try:
            stripe.WebhookSignature.verify_header(payload, header, SECRET, tolerance=300)
            expected = 200
        except stripe.SignatureVerificationError:
            expected = 401
        status, answer = api.call("POST", "/api/v1/billing/webhook/stripe", payload.encode(), stripe_signature=header)
        assert status == expected, f"{header!r}: {status} {answer}, Stripe's library says {expected}"
        agreed += 1
    return agreed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stripe)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, aws_port = free_ports(2)
    environment = {**os.environ, "STRIPE_BASE_URL": f"http://127.0.0.1:{server.server_port}", "STRIPE_SECRET_KEY": "sk_test_judge",
                   "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_PRICE_PRO": "price_pro", "STRIPE_PRICE_TEAM": "price_team",
                   "STRIPE_PRICE_PACKS": "price_packs", "PARLANCE_ADMIN_EMAIL": ROOT["email"],
                   "PARLANCE_ADMIN_PASSWORD": ROOT["password"],
                   "STRIPE_TRIAL_DAYS": "14", "STRIPE_PROMOTION_CODES": "on", "STRIPE_AUTOMATIC_TAX": "on"}
    with tempfile.TemporaryDirectory() as folder:
        command = [str(arguments.binary.resolve()), "--ephemeral", "--port", str(port), "--aws-port", str(aws_port)]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert "listening" in process.stdout.readline(), "parlance did not start"
            api = Api(f"http://127.0.0.1:{port}")
            try:
                pay(api)
                overage(api)
                agreed = send_events(api)
            finally:
                for fault in Stripe.faults:
                    print("refused by Stripe's types:", fault)
            assert not Stripe.faults
        finally:
            process.terminate()
            process.wait()
    for operation, count in sorted(Stripe.verdicts.items()):
        print(f"{count:4} accepted  {operation}")
    print(f"{sum(Stripe.verdicts.values())} requests, 0 refused by the types of stripe {stripe.VERSION}; "
          f"{agreed} signatures judged as by its library")


if __name__ == "__main__":
    main()
