"""A command that prints lines until nobody reads them."""

import sys
import types

from attrlearn.cli import main


def run(arguments):
    while True:
        print("line", flush=True)


if __name__ == "__main__":
    sys.modules["attrlearn.cli.demo"] = types.SimpleNamespace(run=run)
    sys.exit(main(["demo"]))
