"""What Content-Type and Accept ask for."""

from . import layout

JSON = "application/json"
# What only the worker encodes.
JSON_LINES, RECORDIO = layout.NPY + 1, layout.NPY + 2
ENCODINGS = {
    JSON: layout.JSON,
    "text/csv": layout.CSV,
    "application/x-npy": layout.NPY,
    "application/jsonlines": JSON_LINES,
    "application/x-recordio-protobuf": RECORDIO,
}
TEXT = (JSON, "text/csv")

# Of header values met before; more than this are no few clients' habits but somebody's play.
_REMEMBERED = 256


def media_type(value):
    """`text/csv` of `Text/CSV; charset=utf-8`."""
    return value.partition(";")[0].strip().lower()


class ContentType:
    """A request's: `value` as sent (what functions get), `media`, and whether it is text."""

    __slots__ = ("value", "media", "is_text")

    def __init__(self, value):
        self.value = value or JSON
        self.media = media_type(self.value)
        self.is_text = self.media in TEXT


class Accept:
    """`value` as sent, or the default (what functions get); `chosen`: the first type of it that has
    a default encode, `encoding` its number (0: none); `plain`: the Content-Type of an answer whose
    function names none; `headers`: those of one with the default encode."""

    __slots__ = ("value", "chosen", "encoding", "plain", "headers")

    def __init__(self, value, default):
        self.value = value if value and value != "*/*" else default
        self.chosen = self.headers = None
        self.encoding = 0
        first = None
        for item in self.value.split(","):
            media = media_type(item)
            if not media:
                continue
            for media in _meant(media, default):
                first = first or media
                if not self.encoding and media in ENCODINGS:
                    self.chosen = media
                    self.encoding = ENCODINGS[media]
        one = "," not in self.value and ";q=" not in self.value.replace(" ", "").lower()
        self.plain = self.value if one and "*" not in self.value else first or JSON


def _meant(media, default):
    if media == "*/*":
        return [media_type(item) for item in default.split(",")]
    if media.endswith("/*"):
        return [known for known in ENCODINGS if known.startswith(media[:-1])]
    return [media]


class Known(dict):
    """Header value (bytes) -> what it means."""

    def __init__(self, make):
        super().__init__()
        self._make = make

    def __missing__(self, value):
        if len(self) >= _REMEMBERED:
            self.clear()
        meaning = self[value] = self._make(value.decode("latin-1"))
        return meaning
