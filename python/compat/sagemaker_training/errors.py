"""The errors of a training job. ClientError and what comes from it are the user's to mend; every
other exception is the framework's."""

from __future__ import annotations

from berth_compat import texts


class ClientError(Exception):
    """An error of the user's code or settings."""


class SMTrainingCompilerConfigurationError(Exception):
    """SageMaker Training Compiler cannot run this."""


class _CalledProcessError(ClientError):
    """A command failed: `cmd` (one line), `return_code` (text), `output` (what it said, text or
    bytes), `extra_info`."""

    def __init__(self, cmd, return_code=None, output=None, info=None):
        self.return_code = str(return_code)
        self.cmd = cmd
        self.output = output
        self.extra_info = info
        super(_CalledProcessError, self).__init__()

    def __str__(self):
        said = self.output or ""
        if isinstance(said, bytes):
            said = said.decode("utf-8")
        lines = [
            "%s:" % type(self).__name__,
            "ExitCode %s" % self.return_code,
            'ErrorMessage "%s"' % said,
        ]
        if self.extra_info is not None:
            lines.append('ExtraInfo "%s"' % self.extra_info)
        lines.append('Command "%s"' % self.cmd)
        return "\n".join(lines).strip()


class InstallModuleError(_CalledProcessError):
    """pip could not install the user's package."""


class InstallRequirementsError(_CalledProcessError):
    """pip could not install the user's requirements.txt."""


class ImportModuleError(ClientError):
    """The user's module cannot be imported."""


class ExecuteUserScriptError(_CalledProcessError):
    """The user's script failed."""


class ChannelDoesNotExistError(Exception):
    """The job has no such channel."""

    def __init__(self, channel_name):
        super(ChannelDoesNotExistError, self).__init__(
            "Channel %s is not a valid channel" % channel_name
        )


class UnsupportedFormatError(Exception):
    """No encoder or decoder for this content type; `message` says what to write."""

    def __init__(self, content_type, **kwargs):
        self.message = texts.UNSUPPORTED_FORMAT % content_type
        super(UnsupportedFormatError, self).__init__(self.message, **kwargs)
