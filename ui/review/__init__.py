"""The tab of the review queue: a case, its reasons, verdicts."""
