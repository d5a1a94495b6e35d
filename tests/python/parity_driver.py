"""Runs in an interpreter that has an original package, or ours before it on PYTHONPATH, and tells what
is there.

    python parity_driver.py api PACKAGE ANSWERS [NAMES]
    python parity_driver.py run PACKAGE ANSWERS SEED COUNT FOLDER [SECTION]

`api`: a JSON object, module -> name -> what it is; NAMES is such an object: then only its modules and
names are looked up, and what else is public. `run`: JSON lines, [case, what came of it].
"""

import collections
import collections.abc
import importlib
import inspect
import json
import logging
import pathlib
import pkgutil
import re
import sys
import types
import warnings

# The originals are written for Pythons that had these.
collections.Mapping = collections.abc.Mapping
if not hasattr(inspect, "ArgSpec"):
    inspect.ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def public_modules(package):
    """sagemaker-containers has its public modules under other names in beta.framework."""
    root = importlib.import_module(package)
    found = [package]
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            found.append(module.name)
    if package == "sagemaker_containers":
        framework = importlib.import_module("sagemaker_containers.beta.framework")
        found += [
            "%s.%s" % (framework.__name__, name)
            for name, value in vars(framework).items()
            if isinstance(value, types.ModuleType) and value.__name__ != package
        ]
    return sorted(set(found))


def module_at(path):
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        parent, _, name = path.rpartition(".")
        if not parent or not (error.name or "").startswith("sagemaker_"):
            raise
        return getattr(module_at(parent), name)


def public_names(module):
    """What the module itself defines: functions, classes, constants."""
    for name, value in vars(module).items():
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if type(value).__module__ == "__future__" or getattr(value, "__module__", "") == "typing":
            continue
        defined = getattr(value, "__module__", module.__name__)
        if (inspect.isroutine(value) or inspect.isclass(value)) and defined != module.__name__:
            continue
        yield name


def constant(value):
    if isinstance(value, dict):
        return {repr(key): constant(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(constant, value)]
    if isinstance(value, (set, frozenset)):
        return ["set", *sorted(map(repr, value))]
    if isinstance(value, logging.Logger):
        return "the logger %s" % value.name
    if isinstance(value, re.Pattern):
        return "the pattern %s" % value.pattern
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    return getattr(value, "__name__", type(value).__name__)


def signature(function):
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        [each.name, each.kind.name]
        + ([] if each.default is each.empty else [constant(each.default)])
        for each in parameters
    ]


def members(cls):
    """What it has from its package's classes, not from those of others."""
    ours = cls.__module__.partition(".")[0]
    found = {}
    for each in cls.__mro__:
        if each.__module__.partition(".")[0] in (ours, "berth_compat"):
            for name, value in vars(each).items():
                if not name.startswith("_") or name in ("__str__", "__getitem__", "__len__"):
                    found.setdefault(name, value)
    return found


def described(value):
    if isinstance(value, (staticmethod, classmethod)):
        return ["%s" % type(value).__name__, signature(value.__func__)]
    if isinstance(value, property):
        return ["property"]
    if inspect.isclass(value):
        bases = [each.__name__ for each in value.__mro__[1:] if each.__name__[0] != "_"]
        return ["class", bases, signature(value)]
    if inspect.isroutine(value):
        return ["function", signature(value)]
    return ["constant", constant(value)]


MISSING = ["missing"]


def api_of(module, names):
    answer = {}
    for name in names:
        cls, _, member = name.partition(".")
        try:
            value = getattr(module, cls)
        except AttributeError:
            answer[name] = MISSING
            continue
        if member:
            try:
                value = inspect.getattr_static(value, member)
            except AttributeError:
                answer[name] = MISSING
                continue
        answer[name] = described(value)
    return answer


def all_names(module):
    for name in sorted(public_names(module)):
        yield name
        value = getattr(module, name)
        if inspect.isclass(value):
            for member in sorted(members(value)):
                yield "%s.%s" % (name, member)


def api(package, names=None):
    answer = {}
    for path in names or public_modules(package):
        try:
            module = module_at(path)
        except (ImportError, AttributeError) as error:
            answer[path] = {"": ["no module", str(error)]}
            continue
        wanted = list(names[path]) if names else list(all_names(module))
        answer[path] = api_of(module, wanted)
        if names:
            known = {name.partition(".")[0] for name in wanted}
            more = [name for name in public_names(module) if name not in known]
            answer[path].update({name: ["more", *described(getattr(module, name))] for name in more})
    return answer


def run(package, seed, count, folder, only=""):
    import parity_cases

    for label, function in parity_cases.cases(package, seed, count, folder, only):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                told = parity_cases.packed(function())
            except BaseException as error:  # whatever it is, it is the answer
                told = parity_cases.packed(error)
        said = [
            parity_cases.without_addresses("%s: %s" % (each.category.__name__, each.message))
            for each in caught
        ]
        yield [label, told, *said]


def main():
    mode, package, answers, *rest = sys.argv[1:]
    with open(answers, "w") as stream:
        if mode == "api":
            names = json.loads(pathlib.Path(rest[0]).read_text()) if rest else None
            json.dump(api(package, names), stream)
        else:
            for answer in run(package, int(rest[0]), int(rest[1]), pathlib.Path(rest[2]), *rest[3:]):
                stream.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
