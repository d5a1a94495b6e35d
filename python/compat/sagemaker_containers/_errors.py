"""The errors of a container. ClientError and what comes from it are the user's to mend; every other
exception is the framework's."""

from __future__ import annotations

from berth_compat import texts


class ClientError(Exception):
    """An error of the user's code or settings."""


class _CalledProcessError(ClientError):
    """A command failed: `cmd` (one line), `return_code`, `output` (what it said, bytes)."""

    def __init__(self, cmd, return_code=None, output=None):
        self.return_code = return_code
        self.cmd = cmd
        self.output = output
        super(_CalledProcessError, self).__init__()

    def __str__(self):
        said = "\n%s" % self.output.decode("latin1") if self.output else ""
        return ('%s:\nCommand "%s"%s' % (type(self).__name__, self.cmd, said)).strip()


class InstallModuleError(_CalledProcessError):
    """pip could not install the user's package."""


class ImportModuleError(ClientError):
    """The user's module cannot be imported."""


class ExecuteUserScriptError(_CalledProcessError):
    """The user's script failed."""


class ChannelDoesNotExistException(Exception):
    """The job has no such channel."""

    def __init__(self, channel_name):
        super(ChannelDoesNotExistException, self).__init__(
            "Channel %s is not a valid channel" % channel_name
        )


class UnsupportedFormatError(Exception):
    """No encoder or decoder for this content type; `message` says what to write."""

    def __init__(self, content_type, **kwargs):
        self.message = texts.UNSUPPORTED_FORMAT % content_type
        super(UnsupportedFormatError, self).__init__(self.message, **kwargs)
