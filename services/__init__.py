"""The services of the pipeline: one folder, one process, one lock file each."""

__version__ = "0.1.0"
"""The version of the project. What repeats it, in files that no Python reads, is compared with it in the tests."""
