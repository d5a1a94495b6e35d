"""Texts and arrays from a random generator: as models are asked with, and as they should not be."""

import random

import numpy as np


class Texts:
    """JSON and CSV as models are asked with, and as they should not be."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def integer(self):
        r = self.random
        return r.choice(
            [
                lambda: r.randrange(10),
                lambda: r.randrange(-1000, 1000),
                lambda: r.randrange(-(2**63), 2**63),
                lambda: r.choice([2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 10**18, 10**19 - 1 - 2**63]),
            ]
        )()

    def real(self):
        r = self.random
        return r.choice(
            [
                lambda: repr(round(r.uniform(-10, 10), r.randrange(1, 6))),
                lambda: repr(r.random()),
                lambda: repr(r.gauss(0, 1) * 10.0 ** r.randrange(-310, 308)),
                lambda: f"{r.randrange(10**r.randrange(1, 25))}.{r.randrange(10**r.randrange(1, 25))}",
                lambda: f"{r.randrange(1000)}{r.choice('eE')}{r.choice(['', '+', '-'])}{r.randrange(30)}",
                lambda: r.choice(["0.0", "-0.0", "1e22", "1e23", "5e-324", "1.7976931348623157e308", "0.1e1"]),
                lambda: f"{r.randrange(2**54)}.0",
            ]
        )()

    def json_number(self, kinds):
        r = self.random
        kind = r.choice(kinds)
        if kind == "integer":
            return str(self.integer())
        if kind == "real":
            return self.real()
        if kind == "bool":
            return r.choice(["true", "false"])
        if kind == "unsigned":
            return str(r.randrange(2**63, 2**64))
        return r.choice(
            ["NaN", "Infinity", "-Infinity", "-0", "1e400", "1e-400", "-1e-400", str(2**64), str(-(2**63) - 1)]
            + ["null", '"1"', "{}", "01", "+1", "1.", ".5", "nan", "- 1", "0x1", "1_0", "[]", "True", "--1"]
        )

    def space(self):
        return self.random.choice(["", "", "", " ", "\n", "\t", " \r\n "])

    def json_of(self, shape, kinds):
        if not shape:
            return self.json_number(kinds)
        separator = self.random.choice([",", ", ", " ,\n"])
        parts = [self.json_of(shape[1:], kinds) for _ in range(shape[0])]
        return f"[{self.space()}{separator.join(parts)}{self.space()}]"

    def mutated(self, text):
        r = self.random
        at = r.randrange(len(text) + 1)
        cut = r.choice([0, 1, 1, 3])
        return text[:at] + r.choice(["", "[", "]", ",", " ", "1", ".", "e", "-", "\n", '"', "é", "\0"]) + text[at + cut :]

    def shape(self, deepest):
        r = self.random
        return [r.choice([0, 1, 1, 2, 3, 5]) if r.random() < 0.9 else 1 for _ in range(r.randrange(deepest + 1))]

    def json(self):
        """(text, whether it must be taken)"""
        r = self.random
        kinds = r.choice(
            [["integer"], ["real"], ["integer", "real"], ["bool"], ["bool", "integer"], ["unsigned"]]
            + [["bool", "unsigned"], ["unsigned", "integer"], ["unsigned", "real", "bool"], ["real", "other"]]
        )
        shape = self.shape(4) if r.random() < 0.95 else [1] * r.randrange(6, 12)
        text = self.space() + self.json_of(shape, kinds) + self.space()
        plain = "other" not in kinds and len(shape) <= 8
        if r.random() < 0.2:
            return self.mutated(text), False
        return text, plain

    def csv(self):
        r = self.random
        rows, columns = r.choice([1, 1, 2, 3, 7]), r.choice([1, 1, 2, 3, 7])
        uniform = r.random() < 0.6
        integers = r.random() < 0.5
        kinds = [integers if uniform else r.random() < 0.5 for _ in range(columns)]
        end = r.choice(["\n", "\n", "\r\n"])
        lines = []
        for _ in range(rows):
            fields = [str(self.integer()) if whole else self.real() for whole in kinds]
            lines.append(",".join(fields))
        text = end.join(lines) + r.choice(["", end])
        if r.random() < 0.6:
            return text, uniform
        return self.spoiled(text), False

    def spoiled(self, text):
        r = self.random
        odd = r.choice(
            ["", "nan", "inf", "-inf", "+1", "+1.5", "007", "1.", ".5", "-0", "1_0", " 1", "1 ", "\t1", "1\t", "1\r", "abc"]
            + ['"1"', "#", "1#2", str(2**63), str(2**64), "True", "0x10", "1e400", "1e-400", " ", "1 2", "--1", "é", "٣"]
        )
        fields = text.replace("\n", ",\n").split(",")
        at = r.randrange(len(fields))
        text = ",".join([*fields[:at], odd, *fields[at + 1 :]]).replace(",\n", "\n")
        if r.random() < 0.3:
            text = r.choice(["\n", " \n", "\r\n", "\t\n", ","]) + text
        if r.random() < 0.3:
            text += r.choice(["\n\n", "\n \n", "\n\t", ",", "\r"])
        return self.mutated(text) if r.random() < 0.3 else text


class Arrays:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def shape(self, least, most):
        return tuple(self.random.choice([0, 1, 2, 3, 5], p=[0.04, 0.2, 0.3, 0.26, 0.2], size=self.random.integers(least, most + 1)))

    def of(self, dtype, shape):
        r, dtype = self.random, np.dtype(dtype)
        size = int(np.prod(shape))
        if dtype.kind == "b":
            flat = r.integers(0, 2, size).astype(dtype)
        elif r.random() < 0.3:
            flat = np.frombuffer(r.bytes(size * dtype.itemsize), dtype)
        elif dtype.kind in "iu":
            flat = r.integers(0, 100, size).astype(dtype)
        else:
            choices = [r.normal(size=size), r.integers(-(10**6), 10**6, size), np.round(r.normal(size=size), 3)]
            choices.append(10.0 ** r.integers(-8, 20, size))
            with np.errstate(over="ignore"):
                flat = choices[r.integers(len(choices))].astype(dtype)
        array = flat.reshape(shape)
        return np.asfortranarray(array) if r.random() < 0.3 else array
