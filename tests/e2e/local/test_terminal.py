"""On a terminal: a status line below the log, and Ctrl-C."""

import os
import pty

JOB = """
trap 'echo bye; exit 0' TERM
echo loss=0.5
while :; do sleep 0.05; done
"""


class Screen:
    """A terminal with a job on it."""

    def __init__(self, local, *arguments):
        self.text = ""
        command = [local.berth, "local", "train", *arguments, "--output", str(local.output)]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(local.base)
            os.execve(local.berth, command, local.environment(TERM="xterm", LC_ALL="C.UTF-8"))

    def read(self):
        """One more part of what is shown; False at the end."""
        try:
            part = os.read(self.terminal, 65536)
        except OSError:  # a pseudo-terminal's end
            part = b""
        self.text += part.decode(errors="replace")
        return bool(part)

    def wait_for(self, text):
        while text not in self.text:
            assert self.read(), f"{text!r} never came: {self.text!r}"

    def press(self, key):
        os.write(self.terminal, key)

    def end(self):
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def test_shows_status_and_stops_on_ctrl_c(local):
    screen = Screen(
        local, *local.code(JOB), "--name", "digits", "--metric", "loss=loss=([0-9.]+)"
    )
    screen.wait_for("digits  Training 0:0")
    screen.wait_for("loss 0.5")
    screen.press(b"\x03")
    assert screen.end() == 130
    assert "bye" in local.log
    assert "digits  Training" not in local.log
    assert "\x1b[33mStopped\x1b[0m" in screen.text
    assert "loss\x1b[0m  first 0.5  last 0.5" in screen.text
