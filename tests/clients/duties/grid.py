"""Every client and every duty: each client's program against a server with TLS and passwords, and the grid in the README.

    tests/clients/run duties/grid                      the clients of the gate
    CLIENTS=go,r tests/clients/run duties/grid         those named
    CLIENTS=all tests/clients/run duties/grid          also those that are run by hand only

What a program said is kept in results.json, so that the column of a client that is not run now stays, with its date.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys

from clients import CLIENTS
from duties import DUTIES, PREPARED
from guarding import ROOT, GuardedServer

FOLDER = pathlib.Path(__file__).parent
RESULTS = FOLDER / "results.json"
README = FOLDER.parent / "README.md"
BEGIN, END = "<!-- the grid: written by duties/grid -->", "<!-- the end of the grid -->"
PASSWORD = "correct horse"
TIMEOUT_S = 400
SIGNS = {"ok": "ok", "skipped": "–", "FAILED": "**no**"}


def run_client(client):
    """The version that the program told, and what it said of each duty."""
    with GuardedServer(password=PASSWORD) as server:
        with server.connect(password=PASSWORD, **server.verified()) as connection:
            for statement in PREPARED:
                connection.execute(statement)
        environment = os.environ | {
            "PGHOST": "localhost", "PGPORT": str(server.port), "PGUSER": "admin", "PGPASSWORD": PASSWORD,
            "PGDATABASE": "regulars", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(server.authority.certificate),
            "TZ": "Europe/Stockholm", "CLIENT_WORK": str(ROOT / "target/clients"), "VENV": str(pathlib.Path(sys.executable).parent),
        } | client.environment
        done = subprocess.run(client.command(), cwd=FOLDER, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=TIMEOUT_S, check=False)
    version, cells = None, {}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == "client":
            version = rest
        elif word in ("ok", "FAILED", "skipped"):
            duty = rest.split(" (")[0].split(":")[0]
            note = rest[len(duty):].strip(" :")
            cells[duty] = (word, note[1:-1] if word == "ok" and note else note)
        else:
            print(f"       {line}")
    if version is None:
        raise AssertionError(f"{client.name} ended with status {done.returncode}: {done.stdout[-1500:]}")
    for duty in DUTIES:
        cells.setdefault(duty, ("FAILED", f"the program said nothing of it and ended with status {done.returncode}"))
    strange = set(cells) - set(DUTIES)
    assert not strange, strange
    return version, {duty: list(cells[duty]) for duty in DUTIES}


def grid(results):
    """Duties by clients, with a note for each cell that is not `ok`, and the clients with their versions."""
    names = [client.name for client in CLIENTS if client.name in results]
    notes, lines = [], [BEGIN, ""]
    lines.append("| duty | " + " | ".join(names) + " |")
    lines.append("|---|" + ":-:|" * len(names))
    for duty in DUTIES:
        cells = []
        for name in names:
            how, why = results[name]["duties"].get(duty, ["FAILED", "the client was not asked"])
            if how == "ok" and not why:
                cells.append("ok")
                continue
            if (how, why) not in notes:
                notes.append((how, why))
            cells.append(f"{SIGNS[how]} [{notes.index((how, why)) + 1}]")
        lines.append(f"| {duty} | " + " | ".join(cells) + " |")
    lines += ["", "`ok`: asked and compared. `–`: the client has no such thing. **no**: it fails."]
    lines += ["", *(f"{number}. {why}" for number, (_, why) in enumerate(notes, 1))]
    lines += ["", "| duty | what is asked |", "|---|---|", *(f"| {duty} | {meaning} |" for duty, meaning in DUTIES.items())]
    lines += ["", "| client | version | run |", "|---|---|---|"]
    lines += [f"| {name} | {results[name]['version']} | {results[name]['run']} |" for name in names]
    return "\n".join([*lines, "", END])


def write(results):
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    README.write_text(head + grid(results) + rest.split(END)[1], encoding="utf-8")
    RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    named = os.environ.get("CLIENTS", "")
    wanted = [client for client in CLIENTS
              if named == "all" or client.name in named.split(",") or not named and client.in_gate]
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    failed = 0
    for client in wanted:
        try:
            client.install()
            version, duties = run_client(client)
        except Exception as error:  # noqa: BLE001 - the other clients are still run
            failed += 1
            print(f"FAILED {client.name}: {error}", flush=True)
            continue
        for duty, (how, why) in duties.items():
            failed += how == "FAILED"
            print(f"{how} {client.name}: {duty}{f' ({why})' if why else ''}", flush=True)
        run = "in the gate" if client.in_gate else f"by hand, {datetime.date.today().isoformat()}"
        results[client.name] = {"version": version, "run": run, "duties": duties}
        write(results)
    sys.exit(1 if failed else 0)


main()
