"""Writes the facts about PostgreSQL's own catalog that ours stands on: src/catalog/system/facts.

    python3 tests/oracle/make_facts.py            # write the files
    python3 tests/oracle/make_facts.py --check    # change nothing; fail if a file differs

`relations.sql` says which relations and columns there are, `rows.sql` which types, functions, operators and casts; both
are asked of a fresh PostgreSQL 15 that the script starts and stops (`postgres.py`).
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from postgres import Server

FACTS = pathlib.Path(__file__).parents[2] / "src/catalog/system/facts"


def psql(server, folder, script):
    """What a script prints; its `\\copy` commands read and write in `folder`."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", server.folder.name, "-p", "5432", "-U", "oracle", "-d", "postgres", "-f", script]
    return subprocess.run(command, check=True, cwd=folder, stdout=subprocess.PIPE, text=True).stdout


def main():
    check = "--check" in sys.argv[1:]
    changed = []
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        for given in (*FACTS.glob("*.sql"), *FACTS.glob("*_names.txt")):
            shutil.copy(given, folder)
        made = {"relations.txt": psql(server, folder, "relations.sql")}
        psql(server, folder, "rows.sql")
        for path in sorted(pathlib.Path(folder).glob("*.tsv")):
            made[path.name] = path.read_text()
    for name, text in made.items():
        path = FACTS / name
        if not path.exists() or path.read_text() != text:
            changed.append(name)
            if not check:
                path.write_text(text)
    for name in changed:
        print(f"{'differs' if check else 'written'}: {name}")
    print(f"{len(made)} files, {sum(text.count(chr(10)) for text in made.values())} lines")
    sys.exit(1 if check and changed else 0)


if __name__ == "__main__":
    main()
