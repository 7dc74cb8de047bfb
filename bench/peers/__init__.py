"""What others write for the same work: peers that read the same topic and score with the same model, without history.

Each module is a program, started as a process of its own. It takes nothing of services/, so that no peer is slowed down
or helped by our code; the figures beside it in a benchmark are taken from outside, by the stamps of what it wrote.
"""
