"""Keeps secrets out of logs: they are known by the names of their variables, as berth has it
(src/core/secrets.h)."""

from __future__ import annotations

import re

_MASKED = "******"
_WORD = re.compile(r"[A-Za-z0-9]+?(?=[^A-Za-z0-9]|(?<=[a-z])[A-Z]|$)")
_SECRET = frozenset(
    "secret secrets password passwords passwd passphrase credential credentials apikey"
    " authorization pat pwd".split()
)
_TOKEN_KINDS = frozenset("pad eos bos unk mask sep cls per special".split())
_KEY_KINDS = frozenset(
    "access api private secret auth ssh encryption signing license account master".split()
)
_SHORTEST = 4


def looks_secret(name):
    """Whether a value of this name is probably a secret."""
    words = [word.lower() for word in _WORD.findall(str(name))]
    for place, word in enumerate(words):
        if word == "token":
            kind = place > 0 and words[place - 1] in _TOKEN_KINDS
            property_of = place + 1 < len(words) and words[place + 1] != "value"
            if not kind and not property_of:
                return True
        elif word in _SECRET and words != ["pwd"]:
            return True
    if words and words[-1] == "id":
        words.pop()
    return len(words) > 1 and words[-1] == "key" and words[-2] in _KEY_KINDS


def mask(text, *mappings):
    """`text` without the values of the mappings' members whose names look secret."""
    import json

    found = set()
    for mapping in mappings:
        for name, value in mapping.items():
            value = str(value)
            if len(value) >= _SHORTEST and looks_secret(name):
                found.update((value, json.dumps(value)[1:-1]))
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(value, _MASKED)
    return text
