"""What schemathesis needs to know beyond the document: how bodies of text are written, and how a webhook is signed.

The partner's secret stands in the file that DESKCLERK_HOOK_SECRET names.
"""

import base64
import hashlib
import hmac
import os
import time

import schemathesis
from requests.auth import AuthBase


@schemathesis.serializer("text/csv", "application/x-ndjson", "message/rfc822")
def text(_context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


class Signed(AuthBase):
    """Standard Webhooks, over the very bytes that are sent."""

    def __call__(self, request):
        with open(os.environ["DESKCLERK_HOOK_SECRET"]) as file:
            secret = base64.b64decode(file.read().strip().removeprefix("whsec_"))
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body

        def header(name):
            value = request.headers.get(name) or b""
            return value if isinstance(value, bytes) else value.encode("latin-1", "replace")

        message = b".".join([header("webhook-id"), header("webhook-timestamp"), body])
        digest = hmac.new(secret, message, hashlib.sha256).digest()
        request.headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
        return request


@schemathesis.hook
def before_call(_context, case, kwargs):
    # What lacks the signature on purpose, or has a time stamp that is none, is sent as it is.
    if case.operation.path != "/v1/hooks/{source}" or "webhook-signature" not in (case.headers or {}):
        return
    if str(case.headers.get("webhook-timestamp", "")).isdigit():
        case.headers["webhook-timestamp"] = str(int(time.time()))
    kwargs["auth"] = Signed()
