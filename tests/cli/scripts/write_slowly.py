"""Writes half of the file of its argument, prints a line, and the whole once it has read one."""

import sys
from pathlib import Path

from attrlearn.cli.files import whole_file

if __name__ == "__main__":
    with whole_file(sys.argv[1]) as name:
        Path(name).write_text("half")
        print(flush=True)
        input()
        Path(name).write_text("whole")
