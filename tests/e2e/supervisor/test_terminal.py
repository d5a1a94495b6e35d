"""berth in the foreground of a terminal."""

import os
import pty


def on_terminal(container, script, prompt, keys):
    """Types `keys` when `prompt` appears; returns exit code and all that was shown."""
    pid, master = pty.fork()
    if pid == 0:
        arguments = [container.berth, "run", "--", "sh", "-c", script]
        os.execve(container.berth, arguments, container.environment())
    shown, typed = b"", False
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not chunk:
            break
        shown += chunk
        if prompt in shown and not typed:
            os.write(master, keys)
            typed = True
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_ctrl_c_reaches_the_command_which_may_finish(container):
    script = "trap 'echo saved; exit 3' INT; echo ready; sleep 60 & wait"
    code, shown = on_terminal(container, script, b"ready", b"\x03")
    assert b"saved" in shown
    assert code == 3


def test_a_command_may_read_from_the_terminal(container):
    script = "printf 'name? '; read name; echo [$name]; exit 4"
    code, shown = on_terminal(container, script, b"name? ", b"ada\n")
    assert b"[ada]" in shown
    assert code == 4
