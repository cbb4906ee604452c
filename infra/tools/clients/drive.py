"""Has the client that openapi-python-client generated do what a front end does. `PYTHONPATH` leads to it.

usage: drive.py API
"""

import io
import json
import sys
import time

from parlance_client import AuthenticatedClient, Client
from parlance_client.api.api_keys import create_api_key, delete_api_key, get_api_key, list_api_keys, update_api_key
from parlance_client.api.authentication import get_me, login, register
from parlance_client.api.chat import (
    create_chat_session, delete_chat_session, export_chat_session, get_chat_session, list_chat_sessions, list_messages,
    send_message,
)
from parlance_client.api.documents import get_document, upload_document
from parlance_client.models import (
    AddedMessage, Credentials, ExportChatSessionFormat, KeyPatch, NewAccount, NewApiKey, NewSession, Permission, Problem,
    UploadDocumentBody,
)
from parlance_client.types import File

PASSWORD = "correct horse battery"
SECONDS_TO_INDEX = 60


def holds(what):
    print(f"  ok  python: {what}", flush=True)


def answer(response, status):
    """What a response was parsed into."""
    assert response.status_code == status, (response.status_code, response.content)
    return response.parsed


def main(api):
    anyone = Client(base_url=api)
    account = NewAccount(email="grace@example.com", password=PASSWORD, name="Grace Hopper")
    made = answer(register.sync_detailed(client=anyone, body=account), 201)
    assert made.name == "Grace Hopper" and made.access_token
    refused = answer(register.sync_detailed(client=anyone, body=account), 409)
    assert isinstance(refused, Problem) and refused.code == "email_taken", refused
    holds("register, and 409 for a taken address")

    tokens = answer(login.sync_detailed(client=anyone, body=Credentials(password=PASSWORD, email=account.email)), 200)
    client = AuthenticatedClient(base_url=api, token=tokens.access_token)
    me = answer(get_me.sync_detailed(client=client), 200)
    assert me.email == account.email and me.user_id == made.user_id
    holds("login and get me")

    file = File(payload=io.BytesIO(b"The warranty of a grinder is two years."), file_name="terms.txt", mime_type="text/plain")
    uploaded = answer(upload_document.sync_detailed(client=client, body=UploadDocumentBody(file=file, name="Terms")), 201)
    deadline = time.monotonic() + SECONDS_TO_INDEX
    while (document := answer(get_document.sync_detailed(uploaded.id, client=client), 200)).status != "ready":
        assert document.status != "failed" and time.monotonic() < deadline, document
        time.sleep(0.2)
    assert document.name == "Terms"
    holds("upload a document, and get it indexed")

    session = answer(create_chat_session.sync_detailed(client=client, body=NewSession(title="Grinder")), 201)
    said = AddedMessage(content="How long is the warranty?", generate=True)
    turn = answer(send_message.sync_detailed(session.id, client=client, body=said), 201)
    assert turn.answer.content and turn.content == said.content, turn
    holds("create a session and send a message")

    said.stream = True
    text = answer(send_message.sync_detailed(session.id, client=client, body=said), 200)
    frames = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert frames[-1] == "[DONE]" and json.loads(frames[-2])["message_id"], text
    assert "".join(json.loads(frame)["content"] for frame in frames[:-1])
    holds("stream an answer")

    messages = answer(list_messages.sync_detailed(session.id, client=client), 200)
    assert [message.role for message in messages] == ["user", "assistant"] * 2, messages
    form = ExportChatSessionFormat
    shown = answer(export_chat_session.sync_detailed(session.id, client=client, format_=form.MARKDOWN), 200)
    whole = export_chat_session.sync_detailed(session.id, client=client, format_=form.JSON)
    assert shown.startswith("# Grinder") and len(json.loads(whole.content)["turns"]) == 2, shown
    holds("list messages and export a session")

    limited = NewApiKey(
        name="Shop", scopes=[Permission.CHATSREAD, Permission.CHATSWRITE], models=["local"], token_budget=5000,
        requests_per_minute=30)
    key = answer(create_api_key.sync_detailed(client=client, body=limited), 201)
    answer(update_api_key.sync_detailed(key.id, client=client, body=KeyPatch(name="Web shop")), 200)
    kept = answer(get_api_key.sync_detailed(key.id, client=client), 200)
    assert (kept.name, kept.models, kept.token_budget, kept.requests_per_minute) == ("Web shop", ["local"], 5000, 30), kept
    answer(update_api_key.sync_detailed(key.id, client=client, body=KeyPatch(token_budget=None)), 200)
    assert answer(get_api_key.sync_detailed(key.id, client=client), 200).token_budget is None
    holds("rename a key: its limits stay, and null removes one")

    for title in ["Second", "Third"]:
        answer(create_chat_session.sync_detailed(client=client, body=NewSession(title=title)), 201)
    first = list_chat_sessions.sync_detailed(client=client, limit=2)
    assert [each.title for each in answer(first, 200)] == ["Third", "Second"]
    cursor = first.headers["link"].split("cursor=")[1].split(">")[0]
    rest = list_chat_sessions.sync_detailed(client=client, limit=2, cursor=cursor)
    assert [each.title for each in answer(rest, 200)] == ["Grinder"] and "link" not in rest.headers
    holds("list with paging")

    assert delete_chat_session.sync_detailed(session.id, client=client).status_code == 204
    gone = answer(get_chat_session.sync_detailed(session.id, client=client), 404)
    assert isinstance(gone, Problem) and gone.code == "not_found" and gone.request_id, gone
    assert delete_api_key.sync_detailed(key.id, client=client).status_code == 204
    assert answer(list_api_keys.sync_detailed(client=client), 200) == []
    assert answer(get_me.sync_detailed(client=AuthenticatedClient(base_url=api, token="forged")), 401).code
    holds("delete, 404 and 401")


if __name__ == "__main__":
    main(sys.argv[1])
