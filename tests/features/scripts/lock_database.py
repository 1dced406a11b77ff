"""Holds the lock of the SQLite file of its argument for half a second, from the line it prints."""

import sqlite3
import sys
import time

if __name__ == "__main__":
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print(flush=True)
    time.sleep(0.5)
