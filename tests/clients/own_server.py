"""A second server, with limits of its own, over the history that `run` serves; `protocol` connects to it meanwhile."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

import protocol


@contextlib.contextmanager
def own_server(limits):
    """Gives its process; `limits` are lines for the section of that name. It is stopped when it still runs."""
    given = pathlib.Path(os.environ["REGULARS_CONFIG"]).read_text(encoding="utf-8")
    path = re.search(r'^path = "(.*)"', given, re.M).group(1)
    port = protocol.PGPORT
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "regulars.toml"
        config.write_text(f'home = "{folder}/home"\n[history]\npath = "{path}"\n[limits]\n{limits}', encoding="utf-8")
        server = subprocess.Popen(
            [os.environ["REGULARS"], "serve", "--config", config, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for line in server.stdout:
                if said := re.match(r"Serving on 127\.0\.0\.1:(\d+)", line):
                    protocol.PGPORT = int(said.group(1))
                    break
            yield server
        finally:
            protocol.PGPORT = port
            server.terminate()
            server.wait()
