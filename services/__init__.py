"""The services of the pipeline: one folder, one process, one lock file each."""
