"""What docs/security.md promises of rights in Kafka."""

import re

from services.common.kafka.scan import DLQ_GROUP, RESTORE_GROUP
from services.common.settings import GroupNames, TopicSettings, project_root
from services.topics.rights import DESCRIBE, WRITE, rights

TOPICS = TopicSettings()
RIGHTS = list(rights(TOPICS, GroupNames()))


def test_consumers_that_join_no_group_may_look_for_it() -> None:
    """Without the right librdkafka gives up."""
    for group in (RESTORE_GROUP, DLQ_GROUP):
        assert [right.operation for right in RIGHTS if right.name == group] == [DESCRIBE]


def test_only_the_scorer_writes_scores_alerts_and_history() -> None:
    """Whoever could would be believed by the sink, or by the next scorer."""
    for topic in (TOPICS.scores, TOPICS.alerts, TOPICS.models, TOPICS.history):
        assert {right.principal for right in RIGHTS if right.name == topic and right.operation is WRITE} == {
            "User:scorer"
        }


def test_the_document_names_every_principal_and_what_its_rights_are_about() -> None:
    """A right that is added shows in the table."""
    rows = dict(re.findall(r"^\| `(User:\w+)` \| (.*) \|$", (project_root() / "docs/security.md").read_text(), re.M))
    assert set(rows) == {right.principal for right in RIGHTS}
    for right in RIGHTS:
        assert f"`{right.name}{'*' if right.prefix else ''}`" in rows[right.principal], right
