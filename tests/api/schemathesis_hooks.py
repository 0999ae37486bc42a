"""What no schema can say, so that generated requests get past it: each request has an Idempotency-Key of its own, and of the
well-formed ones every second has numbers and addresses that are somebody's. And what the API ignores where it cannot be read,
as HTTP wants it, is not malformed for its length. Credentials
are sent once: the key, and no token beside it."""

import itertools
import json

import schemathesis

PHONES = ("(11) 98765-4321", "+5521987654321", "(61) 2345-6789", "+351912345678", None)
EMAILS = ("ana@example.com", "julio.cesar@Example.COM", "o'neill@example.co.uk", None)

IGNORED_WHERE_UNREADABLE = ("Prefer", "If-None-Match")
# As the document has it.
HEADER_VALUE_MAX_CHARS = 1024

counter = itertools.count(1)


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """A file as it is; what should be one and is not, as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace")


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = {} if case.headers is None else case.headers
    for name in IGNORED_WHERE_UNREADABLE:
        if name in headers:
            headers[name] = headers[name][:HEADER_VALUE_MAX_CHARS]
    headers.pop("Authorization", None)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    number = next(counter)
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"generated-{number}"
    if number % 2:
        return
    for part in (case.body, case.query):
        if not isinstance(part, dict):
            continue
        # A cursor is only ever one that was given.
        part.pop("cursor", None)
        for name, values in (("phone", PHONES), ("email", EMAILS)):
            if name in part:
                part[name] = values[number // 2 % (len(values) - (part is case.query))]
