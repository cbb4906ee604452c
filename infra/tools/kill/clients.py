"""Users who upload documents while the server lives and dies."""

import collections
import json
import os
import random
import sys
import threading
import time
import uuid

from .server import Lost

UPLOADERS = 3
PASSWORD = "correct horse battery"


class Account:
    """A user, and what became of the uploads. `left`: names still to be uploaded."""

    def __init__(self, server, name):
        self.server, self.email, self.token, self.org = server, f"{name}@example.com", None, None
        self.acknowledged, self.lost, self.left = {}, collections.Counter(), []

    def sign_in(self):
        credentials = {"email": self.email, "password": PASSWORD}
        status, answer = self.server.request("POST", "/api/v1/auth/register", credentials)
        if status == 409:
            status, answer = self.server.request("POST", "/api/v1/auth/login", credentials)
        if status == 429:
            # All come from one network, which may try so often.
            self.server.advance(60)
            return self.sign_in()
        if status not in (200, 201):
            sys.exit(f"signing in answered {status}: {answer.decode(errors='replace')}")
        self.token = json.loads(answer)["access_token"]
        self.org = self.call("GET", "/api/v1/auth/me")["default_org_id"]

    def upgrade(self):
        """To the plan with the largest limits."""
        update = {
            "TableName": "parlance-identity", "Key": {"pk": {"S": f"O#{self.org}"}, "sk": {"S": "ORG"}},
            "UpdateExpression": "SET #plan = :plan", "ExpressionAttributeNames": {"#plan": "plan"},
            "ExpressionAttributeValues": {":plan": {"S": "TEAM"}},
        }
        self.server.dynamodb("UpdateItem", update)

    def call(self, method, path, body=None, headers=None):
        def ask():
            authorization = {"Authorization": f"Bearer {self.token}"}
            return self.server.request(method, path, body, authorization | (headers or {}))

        status, answer = ask()
        if status == 401:
            # The clock has been moved past the end of the token.
            self.sign_in()
            status, answer = ask()
        if status >= 300:
            sys.exit(f"{method} {path} answered {status}: {answer.decode(errors='replace')}")
        return json.loads(answer)

    def upload(self, name, content):
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            self.acknowledged[self.call("POST", "/api/v1/documents/upload", body, kind)["id"]] = name
        except Lost:
            self.lost[name] += 1
            raise

    def documents(self):
        return self.call("GET", "/api/v1/documents?limit=100")


class Uploaders:
    """Threads that go on uploading, set after set, while the server is up."""

    def __init__(self, server, files, seed, name="set", sets=None):
        self.server, self.files, self.random, self.name = server, files, random.Random(seed), name
        # The most sets; None if there is no limit.
        self.sets = sets
        self.accounts, self.busy, self.more = [], 0, True
        self.lock, self.up = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(UPLOADERS)]
        for thread in self.threads:
            thread.start()

    def take(self):
        with self.lock:
            account = next((account for account in self.accounts if account.left), None)
            if account is None and self.more and len(self.accounts) != self.sets:
                account = Account(self.server, f"{self.name}-{len(self.accounts)}")
                account.sign_in()
                account.left = self.random.sample(sorted(self.files), len(self.files))
                self.accounts.append(account)
            return (account, account.left.pop()) if account else (None, None)

    def work(self):
        while True:
            self.up.wait()
            try:
                account, name = self.take()
                if name is None:
                    return
                self.busy += 1
                try:
                    account.upload(name, self.files[name])
                except Lost:
                    account.left.append(name)
                    raise
                finally:
                    self.busy -= 1
            except Lost:
                time.sleep(0.01)  # the main thread is about to clear `up`
            except SystemExit as refused:
                print(refused, file=sys.stderr)
                os._exit(1)

    def finish(self):
        self.more = False
        for thread in self.threads:
            thread.join()
