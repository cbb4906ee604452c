"""What schemathesis cannot know from a document: a cursor comes from the page before, an `Idempotency-Key` names one
request only, and a file is one that can be read."""

import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    case.query.pop("cursor", None)
    if "Idempotency-Key" in case.headers and case.meta.generation.mode.is_positive:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
