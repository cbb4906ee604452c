"""What schemathesis cannot know from a document: a cursor comes from the page before, a `Last-Event-ID` from the stream, an
`Idempotency-Key` names one request only, a period begins before it ends, a key ends in the future, a
new address takes the password, and a password is not one that leaked."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    for name in ["cursor", "from"]:
        case.query.pop(name, None)
    case.headers.pop("Last-Event-ID", None)
    is_positive = case.meta.generation.mode.is_positive
    if isinstance(case.body, dict):
        if is_positive and "password" in case.body:
            case.body["password"] = "correct horse battery"
        if "expires_at" in case.body:
            case.body["expires_at"] = None
        if case.method == "PUT" and case.path.startswith("/api/v1/users/"):
            case.body.pop("email", None)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
