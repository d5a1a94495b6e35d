"""Where berth's answers differ from the references' on purpose: docs/deviations.md, "Serving", as
code. A rule rewrites a request into one that the reference understands as berth does the original,
or the reference's answer into the one that berth gives. test_serving.py has an example for each, on
which the reference still differs.
"""

import base64
import dataclasses
import io
import json

import numpy as np
from serving_generate import CSV, JSON, NPY, NPZ, Case

ENCODED = [JSON, CSV, NPY]
DECODING = ("identity", "described", "identity_context")
# Those whose answer has the default encode.
ENCODING = (*DECODING, "received", "made")


@dataclasses.dataclass
class Answer:
    """`body` of an error: (class, message); a message None is berth's own text."""

    status: int
    type: str | None
    body: object
    made: str | None = None

    @staticmethod
    def of(told):
        if "error" in told:
            return Answer(told["status"], JSON, (told["error"], told["message"]))
        return Answer(told["status"], told["type"], base64.b64decode(told["body"]), told.get("made"))


def media_type(value):
    return value.partition(";")[0].strip().lower()


# Requests.


def missing_content_type(case):
    """A request without Content-Type is JSON."""
    return case if case.content_type else dataclasses.replace(case, content_type=JSON)


def media_types(case):
    """Content types are compared without parameters and case."""
    media = media_type(case.content_type or "")
    return dataclasses.replace(case, content_type=media) if media in (*ENCODED, NPZ) else case


def accepted_types(case):
    """So are the types of Accept, and * stands for what the default encode has."""
    if case.module not in ENCODING or not case.accept or case.accept == "*/*":
        return case
    types = []
    for media in map(media_type, case.accept.split(",")):
        if media == "*/*":
            types.append(JSON)
        elif media.endswith("/*"):
            types += [known for known in ENCODED if known.startswith(media[:-1])]
        elif media in ENCODED:
            types.append(media)
    return dataclasses.replace(case, accept=",".join(types)) if types else case


REWRITES = [missing_content_type, media_types, accepted_types]


def canonical(case: Case, rewrites=REWRITES) -> Case:
    for rewrite in rewrites:
        case = rewrite(case)
    return case


# Answers. Each gets the case as sent, what the reference says to the rewritten one, and the answer
# that is expected so far.


def content_type_as_sent(case, told, answer):
    """An input_fn gets the Content-Type as it was sent."""
    if case.module == "received" and answer.status == 200 and case.content_type:
        value = json.loads(answer.body)
        value["content_type"] = case.content_type
        answer.body = json.dumps(value).encode()


def pickles(case, told, answer):
    """What numpy would unpickle is refused."""
    if case.module in DECODING and media_type(case.content_type or JSON) == NPY:
        try:
            np.load(io.BytesIO(case.body))
        except ValueError as error:
            if "allow_pickle" in str(error):
                return Answer(400, JSON, ("RefusedError", None))
        except Exception:
            pass


def negative_shape(case, told, answer):
    """An NPY head with a negative dimension is the sender's fault."""
    body = case.body if case.module in DECODING else b""
    if media_type(case.content_type or JSON) == NPY and b"(-1, )" in body and answer.status == 500:
        return Answer(400, JSON, ("RefusedError", None))


def unsupported(case, told, answer):
    """No default decode is 415, no default encode 406."""
    if told.get("error") == "UnsupportedFormatError":
        return Answer(406 if told["encoding"] else 415, JSON, ("UnsupportedFormatError", None))


def status_codes(case, told, answer):
    """Any exception with a status_code of 400 to 599 sets the status."""
    status = told.get("has_status")
    if type(status) is int and 400 <= status <= 599 and told["error"] == "StatusError":
        answer.status = status


def out_of_memory(case, told, answer):
    """A MemoryError is 507."""
    if told.get("error") == "MemoryError":
        return Answer(507, JSON, ("MemoryError", told["text"] or "out of memory"))


def no_message(case, told, answer):
    """An exception without a text has an empty message."""
    if "error" in told and told["text"] == "" and answer.status != 507:
        answer.body = (told["error"], "")


def plain_type(accept):
    """The Content-Type of a text whose function names none."""
    if not accept or accept == "*/*":
        return JSON
    if "," not in accept and "*" not in accept and ";q=" not in accept.replace(" ", "").lower():
        return accept
    for media in map(media_type, accept.split(",")):
        if media == "*/*":
            return JSON
        if media.endswith("/*"):
            known = [each for each in ENCODED if each.startswith(media[:-1])]
            if known:
                return known[0]
        elif media:
            return media
    return JSON


def of_accept(case, told, answer):
    """The type that the reference takes from Accept, not from the function."""
    return case.module not in ENCODING and told.get("given") is False


def set_type(told, answer, content_type):
    if "encoded" in told:
        told["encoded_type"] = content_type
    elif "error" not in told:
        answer.type = content_type


def one_type(case, told, answer):
    """A result whose function names no type has the first of Accept, not the whole list."""
    if of_accept(case, told, answer):
        set_type(told, answer, plain_type(case.accept))


def context_type(case, told, answer):
    """A type that was set through the context stays, where the function returns none."""
    if of_accept(case, told, answer) and case.module == "made_output_context":
        given = json.loads(case.body)["type"]
        if given:
            set_type(told, answer, given)


def null_type(case, told, answer):
    """A tuple with None for its type: as if it named none."""
    if told.get("given") and told["result_type"] is None:
        told["given"] = False


def bad_type(case, told, answer):
    """A type that is no text is an error; the reference's server ends."""
    if told.get("given") and not isinstance(told["result_type"], str):
        return Answer(500, JSON, ("TypeError", None))


def short_tuple(case, told, answer):
    """A tuple of one is an error that says what it should be."""
    if told.get("error") == "IndexError":
        return Answer(500, JSON, ("TypeError", None))


def no_text(case, told, answer):
    """A result that is neither text nor bytes is encoded as its type says, where there is an
    encoder, else as JSON; the reference's server writes JSON whatever the type, and ends where it
    cannot."""
    if "encoded" in told and isinstance(told["encoded_type"], str):
        media = media_type(told["encoded_type"])
        encoded = Answer.of(told["encoded"][media if media in ENCODED else JSON])
        if isinstance(encoded.body, bytes):
            encoded.status, encoded.made = told["encoded_status"], told["made"]
            encoded.type = told["encoded_type"] if media in ENCODED else JSON
        return encoded


ANSWERS = [
    content_type_as_sent, unsupported, pickles, negative_shape, status_codes, out_of_memory, no_message, null_type, one_type,
    context_type, bad_type, short_tuple, no_text,
]  # fmt: skip


def expected(case, told, rules=ANSWERS):
    answer, told = Answer.of(told), dict(told)
    for rule in rules:
        answer = rule(case, told, answer) or answer
    return answer


# sagemaker-containers: what its own default functions do otherwise. Plain handlers are served as
# sagemaker-inference does.


def only_inference(case):
    """CSV is typed and written as sagemaker-inference does; there is NPZ; a handler may take the
    context, and return what is no text."""
    types = [media_type(case.content_type or JSON), *map(media_type, (case.accept or JSON).split(","))]
    return case.module not in CONTAINERS or CSV in types or "text/*" in types or NPZ in types[:1]


CONTAINERS = ("identity", "described", "made")


def first_accepted(case):
    """Of several types of Accept, the first with a default encode counts."""
    known = [media for media in (case.accept or "").split(",") if media in ENCODED]
    return dataclasses.replace(case, accept=known[0]) if known else case


# It takes a request without Content-Type for JSON itself.
CONTAINERS_REWRITES = [media_types, accepted_types, first_accepted]


def any_error(case, told, answer):
    """Its errors are pages without a word about the cause, but for those of types."""
    if answer.status in (406, 415):
        return Answer(answer.status, JSON, ("UnsupportedFormatError", None))
    if answer.status >= 400:
        return Answer(answer.status, JSON, (None, None))


def raised_status(case, told, answer):
    """An exception with a status_code, and a MemoryError, have their own status."""
    spec = json.loads(case.body) if case.module == "made" else {}
    name, _, status = spec.get("raise", (None, None, None))
    if name == "MemoryError":
        return Answer(507, JSON, (name, None))
    if name in ("StatusError", "toolkit") and type(status) is int and 400 <= status <= 599:
        return Answer(status, JSON, (None, None))


def broken_text(case, told, answer):
    """Text that is no UTF-8 is an error, not guessed at."""
    if media_type(case.content_type or JSON) == JSON:
        try:
            case.body.decode()
        except UnicodeDecodeError:
            return Answer(500, JSON, ("UnicodeDecodeError", None))


CONTAINERS_ANSWERS = [any_error, raised_status, pickles, negative_shape, broken_text]
