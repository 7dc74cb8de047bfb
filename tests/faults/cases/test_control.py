"""The suite can fail: services that keep their promise badly are caught by the very same checks."""

from tests.faults.pipeline import Pipeline


def test_a_loop_without_transactions_doubles_and_is_caught(pipeline: Pipeline) -> None:
    """Produce, flush, commit the offsets: what is usually written. Killed in between it scores again."""
    pipeline.start(points="produced=kill@5-20", FAULTS_VARIANT="at_least_once")
    with pipeline.load():
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)

    findings = pipeline.compare()
    assert findings.doubled > 0
    assert any("scores too many" in fault for fault in findings.faults)
    assert findings.lost == 0


def test_a_loop_that_commits_first_loses_and_is_caught(pipeline: Pipeline) -> None:
    """Commit the offsets, then produce. Killed in between it never scores them."""
    pipeline.start(points="produced=kill@5-20", FAULTS_VARIANT="at_most_once")
    with pipeline.load():
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)

    findings = pipeline.compare()
    assert findings.lost > 0
    assert any("transactions without a score" in fault for fault in findings.faults)
    assert findings.doubled == 0
