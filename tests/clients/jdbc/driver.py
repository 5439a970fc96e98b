"""pgjdbc, by a Java program that asserts: Driver.java beside this file. Its checks are its lines."""

import os
import pathlib
import subprocess
import sys

JAR = pathlib.Path("/usr/share/java/postgresql.jar")


def main():
    program = pathlib.Path(__file__).with_name("Driver.java")
    # Java compiles a program of one file when it starts it.
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", str(JAR), str(program)],
                          env={**os.environ, "TZ": "Europe/Stockholm"}, check=False)
    sys.exit(done.returncode)


main()
