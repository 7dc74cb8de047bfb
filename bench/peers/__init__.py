"""Peers: programs of other libraries that read the same topic and score with the same model, without history.

Each module, and the Java class, is started as a process of its own. It imports nothing of services/, so that no peer is
slowed down or helped by our code; its rate is measured from outside, by the timestamps of what it writes.
"""
