"""SIGKILL of berth itself: the command does not run on unattended."""

import os
import select


def test_the_command_dies_with_berth(container):
    # The command alone holds the write end of this pipe: its death is the end of file.
    read_end, write_end = os.pipe()
    with container.start(
        "run", "--", "sh", "-c", "trap '' TERM; echo ready; exec sleep 1000", pass_fds=[write_end]
    ) as process:
        os.close(write_end)
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        process.wait(timeout=60)
        ready, _, _ = select.select([read_end], [], [], 60)
        assert ready and os.read(read_end, 1) == b""
    os.close(read_end)
