"""Calls the API with the official clients of OpenAI and with the frameworks that people use, as their users do, and the
double of the vendors' models with Anthropic's client: what we say is judged by programs that we did not write.

    sdk_test.py --binary target/debug/parlance --node-modules FOLDER --chromium /usr/bin/chromium

Starts `parlance --ephemeral` with the double and models that misbehave behind it. Needs no vendor and no network. Exit code 1 if anything fails.
"""

import argparse
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import anthropic
import openai

from local_stack import PASSWORD, Stack, start_double
from sdk import odd_models

HERE = Path(__file__).parent
MODEL = "gpt-4o-mini"
# What the double says: three tokens.
SAID = "w0 w1 w2 "
MESSAGES = [{"role": "user", "content": "Hello?"}]


def holds(what):
    print(f"  ok  {what}", flush=True)


def environment(url):
    """Every provider that the clients are answered by is the double, but for the one whose models misbehave."""
    return {
        "OPENAI_COMPATIBLE_BASE_URL": odd_models.start(),
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "sk-double",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-double",
    }


class Tenant:
    """A person with an API key, another key that is nearly used up, and a chatbot over a document."""

    def __init__(self, stack):
        self.stack = stack
        account = stack.call("POST", "/api/v1/auth/register", {"email": "ada@example.com", "password": PASSWORD})
        self.token = account["access_token"]
        scopes = ["chats:write", "chatbots:read"]
        self.key = self.post("/api/v1/apikeys", {"name": "App", "scopes": scopes})["key"]
        poor = {"name": "Poor", "scopes": scopes, "models": [MODEL], "token_budget": 5}
        self.poor_key = self.post("/api/v1/apikeys", poor)["key"]
        document = self.upload("terms.txt", "The warranty of a grinder is two years. Returns take thirty days.")
        bot = self.post("/api/v1/chatbots", {"name": "Helper", "documents": [document["id"]]})
        self.chatbot = f"chatbot/{bot['id']}"

    def post(self, path, body, headers=()):
        headers = {"Authorization": f"Bearer {self.token}", **dict(headers)}
        return self.stack.call("POST", path, body, headers)

    def get(self, path):
        return self.stack.call("GET", path, None, {"Authorization": f"Bearer {self.token}"})

    def upload(self, name, text):
        lines = ["--x", f'Content-Disposition: form-data; name="file"; filename="{name}"', "", text, "--x--", ""]
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Prefer": "wait=20"}
        return self.post("/api/v1/documents/upload", "\r\n".join(lines).encode(), headers)


def refused(kind, status, call):
    """The error of a call, which has to be of this type."""
    try:
        call()
    except kind as error:
        assert type(error) is kind and error.status_code == status, f"{type(error)} {error}"
        assert error.request_id and error.code and error.message, vars(error)
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def python_client(api, tenant):
    client = openai.OpenAI(base_url=f"{api}/v1", api_key=tenant.key, max_retries=0)

    completion = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert completion.choices[0].message.content == SAID, completion
    assert completion.choices[0].finish_reason == "stop" and completion.model == MODEL
    assert completion.usage.completion_tokens == 3 and completion.usage.total_tokens > 3
    assert completion._request_id
    holds("python: chat.completions.create")

    chunks = list(client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == SAID and chunks[-1].usage == completion.usage, chunks
    assert len({chunk.id for chunk in chunks}) == 1
    holds("python: a stream with its usage")

    with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
        assert stream.get_final_completion().choices[0].message.content == SAID
    holds("python: the stream helper puts a completion together")

    with client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as stream:
        next(iter(stream))
    holds("python: a stream that is left")

    question = [{"role": "user", "content": "How long is the warranty of a grinder?"}]
    message = client.chat.completions.create(model=tenant.chatbot, messages=question).choices[0].message
    citation = message.annotations[0].url_citation
    assert message.annotations[0].type == "url_citation"
    assert message.content[citation.start_index:citation.end_index] == "[1]", message
    assert citation.title.startswith("terms.txt"), message
    # It is relative to the URL of the request.
    path = urllib.parse.urljoin("/v1/chat/completions", citation.url)
    assert tenant.get(path)["name"] == "terms.txt", citation
    holds("python: a chatbot with url_citation annotations")

    names = [model.id for model in client.models.list()]
    assert MODEL in names and tenant.chatbot in names, names
    assert client.models.retrieve(tenant.chatbot).id == tenant.chatbot
    holds("python: models.list and models.retrieve, a chatbot's name with its slash included")

    # The client asks for base64 and unpacks it unless it is told otherwise.
    packed = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    plain = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"], encoding_format="float")
    assert len(packed.data) == 2 and packed.usage == plain.usage, packed
    for one, other in zip(packed.data, plain.data):
        # The one is a 32-bit number made longer, the other its shortest decimal.
        assert [round(number, 6) for number in one.embedding] == [round(number, 6) for number in other.embedding]
    holds("python: embeddings.create, packed and as numbers")

    stranger = openai.OpenAI(base_url=f"{api}/v1", api_key="pk_test_nobody", max_retries=0)
    poor = openai.OpenAI(base_url=f"{api}/v1", api_key=tenant.poor_key, max_retries=0)
    ask = client.chat.completions.create
    refused(openai.AuthenticationError, 401, stranger.models.list)
    refused(openai.PermissionDeniedError, 403, lambda: poor.chat.completions.create(model="gpt-4o", messages=MESSAGES))
    refused(openai.NotFoundError, 404, lambda: ask(model="chatbot/nobody", messages=MESSAGES))
    assert refused(openai.BadRequestError, 400, lambda: ask(model=MODEL, messages=MESSAGES, temperature=3)).param
    short = refused(openai.RateLimitError, 429, lambda: poor.chat.completions.create(model=MODEL, messages=MESSAGES))
    assert short.type == "tokens" and int(short.response.headers["retry-after"]) > 0
    refused(openai.InternalServerError, 503, lambda: client.embeddings.create(model="gemini-embedding-001", input="a"))
    begun = ""
    try:
        for chunk in ask(model="compatible/broken", messages=MESSAGES, stream=True):
            begun += chunk.choices[0].delta.content or ""
        raise AssertionError("a stream that broke off was taken for a whole one")
    except openai.APIError as error:
        assert begun == "Half" and error.code == "provider_answer_cut", (begun, vars(error))
    holds("python: errors have their exception types")


def anthropic_client(url):
    client = anthropic.Anthropic(base_url=url, api_key="sk-double", max_retries=0)
    asked = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": MESSAGES}
    message = client.messages.create(**asked)
    assert message.content[0].text == SAID and message.usage.output_tokens == 3, message
    assert message.stop_reason == "end_turn"
    with client.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream) == SAID
        final = stream.get_final_message()
        assert final.usage == message.usage or final.usage.output_tokens == 3, final
    holds("python: Anthropic's client understands the double")


def frameworks(api, tenant, python):
    variables = {"API": api, "KEY": tenant.key}
    subprocess.run([python, HERE / "sdk/frameworks.py"], env={**os.environ, **variables}, check=True)


def node_clients(api, tenant, modules, chromium):
    variables = {"API": api, "KEY": tenant.key, "POOR_KEY": tenant.poor_key, "CHATBOT": tenant.chatbot,
                 "SDK_NODE_MODULES": str(modules), "CHROMIUM": chromium or ""}
    for script in ["openai_client.mjs", "frameworks.mjs"] + ["browser.mjs"] * bool(chromium):
        subprocess.run(["node", HERE / "sdk" / script], env={**os.environ, **variables}, check=True)
    if not chromium:
        print("  --  no Chromium here: a page of another origin was not tried", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--frameworks", required=True, help="Python with the frameworks")
    parser.add_argument("--node-modules", type=Path, help="where npm put the Node clients; without it, Python only")
    parser.add_argument("--chromium", help="the browser; without it, no page is tried")
    arguments = parser.parse_args()
    double, url = start_double(arguments.binary, "--tokens", "3")
    try:
        os.environ.update(environment(url))
        with Stack.start(arguments.binary) as stack:
            tenant = Tenant(stack)
            python_client(stack.api, tenant)
            anthropic_client(url)
            frameworks(stack.api, tenant, arguments.frameworks)
            if arguments.node_modules:
                node_clients(stack.api, tenant, arguments.node_modules, arguments.chromium)
            else:
                print("  --  no Node here: its clients were not tried", flush=True)
    finally:
        double.terminate()
        double.wait()


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, subprocess.CalledProcessError) as failure:
        sys.exit(f"failed: {failure!r}")
