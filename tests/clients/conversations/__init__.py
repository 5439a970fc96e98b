"""Scripts for `protocol_scripts.py`: each is played to PostgreSQL 15 and to us, and must be answered alike.

`script(name, …)` takes what is sent, one step after the other. A step is bytes, answered up to one ReadyForQuery; or
`(bytes, answers)` for several; or `(bytes, kind)` for what is answered up to a message of a type (after Flush).
`pending_because` says why an answer is not yet the same.
`talk` registers a function instead, which is given a maker of connections (`transcript.Talk`).
"""

from checking import pending

SCRIPTS = []


def script(name, *steps, pending_because=None, **parameters):
    def play(connection):
        talk = connection().open(**parameters)
        for step in steps:
            if isinstance(step, bytes):
                talk.ask(step)
            elif isinstance(step[1], bytes):
                talk.wire.send(step[0])
                talk.hear(step[1])
            else:
                talk.ask(step[0], answers=step[1])

    if pending_because:
        play = pending(pending_because)(play)
    SCRIPTS.append((name, play))


def talk(function):
    """Registers a function as a script; its name is the function's, read as a sentence."""
    SCRIPTS.append((function.__name__.replace("_", " "), function))
    return function
