"""Mappings as variables and as arguments, parted mappings, and properties as a mapping."""

from __future__ import annotations

import collections
import collections.abc

SplitResultSpec = collections.namedtuple("SplitResultSpec", "included excluded")


def to_env_vars(mapping):
    """{"batch_size": 25} -> {"SM_BATCH_SIZE": "25"}.

    Text stays as it is, bytes are taken for Latin-1, None is empty, everything else is JSON with
    sorted keys. TypeError for what JSON cannot hold. An empty name stays empty.
    """
    return {_variable_name(name): _variable_value(value) for name, value in mapping.items()}


def _variable_name(name):
    return "SM_" + str(name).upper() if name else ""


def _variable_value(value):
    if value is None or isinstance(value, (str, bytes)):
        return _text(value)
    import json

    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def to_cmd_args(mapping):
    """{"lr": 0.1, "k": 2} -> ["-k", "2", "--lr", "0.1"]: sorted by name.

    A value with items() becomes k=v,k2=v2; None is empty; everything else is what str() says.
    """
    arguments = []
    for key in sorted(mapping.keys()):
        name, value = _text(key), mapping[key]
        arguments.append(("--" if len(name) > 1 else "-") + name if name else "")
        if hasattr(value, "items"):
            arguments.append(",".join("%s=%s" % pair for pair in sorted(value.items())))
        else:
            arguments.append(_text(value))
    return arguments


def _text(value):
    if value is None:
        return ""
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def split_by_criteria(dictionary, keys=None, prefix=None):
    """Parts `dictionary`: `included` are the members that `keys` names or whose key begins with
    `prefix`, `excluded` are the others."""
    keys = set(keys or [])
    parts = SplitResultSpec(included={}, excluded={})
    for key in dictionary.keys():
        chosen = key in keys or (prefix and key.startswith(prefix))
        (parts.included if chosen else parts.excluded)[key] = dictionary[key]
    return parts


class MappingMixin(collections.abc.Mapping):
    """The public properties of a class as a read-only mapping."""

    def properties(self):
        """The names of the properties, sorted."""
        return [name for name in dir(type(self)) if self._is_property(name)]

    def _is_property(self, name):
        return isinstance(getattr(type(self), name, None), property)

    def __getitem__(self, k):
        """KeyError for what is no property."""
        if not self._is_property(k):
            raise KeyError("Trying to access non property %s" % k)
        return getattr(self, k)

    def __len__(self):
        return len(self.properties())

    def __iter__(self):
        return iter(self.properties())

    def __str__(self):
        return str(dict(self))
