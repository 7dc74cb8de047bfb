"""The protocol of the scorers without Kafka: a group, its Kafka transactions, and everything that may go wrong.

One step at a time, drawn by a seed, so that a failure is one number. What a scorer accepts is decided by the product's
own Ownership; broker, network and loop are models of what Kafka 4.3 and librdkafka 2.16 do (KIP-98, 345, 429, 447). A
network may deliver the end of a transaction late; a coordinator aborts what is past its timeout; a frozen member is
evicted. Exactly once means: what is committed holds each record at most once at any time, and once in the end.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from confluent_kafka import TopicPartition

from services.common.kafka.assignment import Batch, Ownership

TOPIC, PARTITIONS = "transactions", 4
Place = tuple[int, int]
"""A record: its partition and offset."""

CALLBACK: Any = None
"""The consumer that Ownership's callbacks are given, and do not use."""


class NotOnce(AssertionError):
    """A record was scored twice, or never."""


@dataclass(frozen=True)
class Rules:
    """What a scorer does; each that is switched off makes a weak variant.

    Attributes:
        atomic: offsets are committed in the transaction; else after it ("after") or before it ("before").
        fences: no transaction begins after a lost connection in the same epoch.
        checks_member: offsets are sent for the member that prepared the batch, and no other.
        settles: a partition is given up only once nothing of it is in flight.
    """

    atomic: bool | str = True
    fences: bool = True
    checks_member: bool = True
    settles: bool = True


@dataclass
class Transaction:
    """An open Kafka transaction: what it holds so far."""

    records: list[Place] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)


class Broker:
    """Topic, group, and the coordinator of transactions."""

    def __init__(self) -> None:
        self.ends = [0] * PARTITIONS
        self.offsets = [0] * PARTITIONS
        self.scored: Counter[Place] = Counter()
        self.epochs: dict[str, int] = {}
        self.open: dict[str, Transaction] = {}
        self.generation = 0
        self.members: dict[str, int] = {}
        self.owned: dict[str, set[int]] = {}
        self.joined: dict[str, set[int]] | None = None
        self.ids = 0

    def begin_epoch(self, name: str) -> int:
        """Fence what an earlier producer of this id has under way (init_transactions)."""
        self.open.pop(name, None)
        self.epochs[name] = self.epochs.get(name, 0) + 1
        return self.epochs[name]

    def end(self, name: str, epoch: int, *, commits: bool) -> bool:
        """Take an EndTxn; return whether it is of the present epoch."""
        if self.epochs.get(name) != epoch:
            return False
        found = self.open.pop(name, None)
        if found and commits:
            self.commit(found.records, found.offsets)
        return True

    def commit(self, records: Sequence[Place], offsets: dict[int, int]) -> None:
        """Make it visible.

        Raises:
            NotOnce: a record is scored a second time.
        """
        for record in records:
            self.scored[record] += 1
            if self.scored[record] > 1:
                raise NotOnce(f"{record} is scored twice")
        for partition, offset in offsets.items():
            self.offsets[partition] = offset

    def is_stable(self, partition: int) -> bool:
        """Whether no open transaction holds the partition's offset back."""
        return not any(partition in one.offsets for one in self.open.values())

    def rebalance(self) -> None:
        """Begin a rebalance, unless one is under way."""
        if self.joined is None:
            self.joined = {}

    def join(self, member: str, owned: set[int]) -> None:
        """Take a member's JoinGroup; the last one completes the generation."""
        if self.joined is None:
            return
        self.joined[member] = owned
        if self.joined.keys() >= self.members.keys():
            self._assign()

    def evict(self, member: str) -> None:
        """Let a member go: its session is over, or it leaves."""
        if self.members.pop(member, None) is None:
            return
        self.owned.pop(member, None)
        self.rebalance()
        if self.joined is not None:
            self.joined.pop(member, None)
            if self.members and self.joined.keys() >= self.members.keys():
                self._assign()

    def _assign(self) -> None:
        """Cooperative: nobody is given what another one still owns (KIP-429)."""
        joined, self.joined = self.joined or {}, None
        self.generation += 1
        names = sorted(joined)
        wanted: dict[str, set[int]] = {name: set() for name in names}
        free = set(range(PARTITIONS))
        most = -(-PARTITIONS // len(names))
        for name in names:
            wanted[name] = set(sorted(joined[name] & free)[:most])
            free -= wanted[name]
        for partition in sorted(free):
            wanted[min(names, key=lambda name: len(wanted[name]))].add(partition)
        held = {partition: name for name in names for partition in joined[name]}
        for name in names:
            self.members[name] = self.generation
            self.owned[name] = {one for one in wanted[name] if held.get(one, name) == name}


class Scorer:
    """One place in the group: a process after another, with a static id."""

    def __init__(self, name: str, world: "World") -> None:
        self.name, self.world = name, world
        self.member = ""
        self.start()

    def start(self) -> None:
        """Make new clients: after a crash, or after an error (a rebuild)."""
        broker = self.world.broker
        self.is_running, self.is_frozen, self.is_lost = True, False, False
        self.epoch = broker.begin_epoch(self.name)
        self.doubted = False
        self.ownership = Ownership()
        self.assigned: set[int] = set()
        self.batch: Batch | None = None
        self.steps: list[Callable[[], bool]] = []
        self._enter()

    def _enter(self) -> None:
        """Join, or take the place of the last life: no rebalance then (KIP-345)."""
        broker = self.world.broker
        broker.ids += 1
        before, self.member = self.member, f"{self.name}-{broker.ids}"
        self.generation = -1
        if before in broker.members:
            broker.members[self.member] = broker.members.pop(before)
            broker.owned[self.member] = broker.owned.pop(before, set())
            if broker.joined is not None:
                broker.joined.pop(before, None)
        else:
            broker.members[self.member] = -1
            broker.owned[self.member] = set()
            broker.rebalance()

    def heartbeat(self) -> None:
        """What the client does by itself: join a rebalance, hear of a generation or of its eviction."""
        broker = self.world.broker
        if self.is_lost:
            return  # it joins again once its callback is served
        if self.member not in broker.members:
            self.is_lost, self.member, self.generation = True, "", -1
        elif broker.joined is not None:
            if self.member not in broker.joined:
                broker.join(self.member, set(self.assigned))
        else:
            self.generation = broker.members[self.member]
            held = [scorer.assigned for scorer in self.world.scorers if scorer.is_running]
            if len(set().union(*broker.owned.values(), *held)) < PARTITIONS:
                broker.rebalance()  # some have no owner: OrphanMonitor leaves and joins again

    def leave(self) -> None:
        """End for good, as after SIGTERM: what is in flight is finished first, and the group hears of it."""
        if not self.steps:
            self.world.broker.evict(self.member)
            self.is_running = False

    def poll(self) -> None:
        """consume(): callbacks first, then messages, which make the next batch."""
        if self._callbacks():
            return
        broker, ownership = self.world.broker, self.ownership
        for _, partition in list(ownership.unpositioned):
            if broker.is_stable(partition):
                ownership.set_positions({(TOPIC, partition): broker.offsets[partition]})
        if self.steps:
            return
        messages = [
            _Message(partition, offset)
            for (_, partition), position in ownership.next_offsets.items()
            for offset in range(position, min(position + 2, broker.ends[partition]))
        ]
        batch = ownership.accept(messages)  # type: ignore[arg-type]  # what it asks of a message, they answer
        ownership.advance(batch)
        if batch:
            self.batch, self.prepared_by = batch, self.member
            self._plan()

    def _callbacks(self) -> bool:
        """Serve a rebalance callback if there is one and nothing of its partitions is in flight."""
        if self.steps and self.world.rules.settles:
            return False
        broker = self.world.broker
        if self.is_lost:
            self.ownership.on_revoke(CALLBACK, _places(self.assigned))
            self.assigned, self.is_lost = set(), False
            self._enter()
            return True
        now = broker.owned.get(self.member, set()) if self._is_settled() else self.assigned
        gone, come = self.assigned - now, now - self.assigned
        if gone:
            self.ownership.on_revoke(CALLBACK, _places(gone))
            self.assigned -= gone
            broker.rebalance()  # the client joins again: the second step of a cooperative rebalance
            return True
        if come:
            self.ownership.on_assign(CALLBACK, _places(come))
            self.assigned |= come
            return True
        return False

    def _is_settled(self) -> bool:
        broker = self.world.broker
        return broker.joined is None and self.generation == broker.members.get(self.member)

    def _plan(self) -> None:
        """Line up the steps that write the batch."""
        end = [self._send_offsets, self._commit]
        if self.world.rules.atomic == "after":
            end = [self._commit, self._send_alone]
        elif self.world.rules.atomic == "before":
            end = [self._send_alone, self._commit]
        self.steps = [self._begin, self._produce, *end]

    def write(self) -> None:
        """Take the next step of the batch in flight; an error makes new clients."""
        if self.steps:
            step = self.steps.pop(0)
            if not step():
                self.start()
            elif not self.steps and self.batch:
                self.ownership.finish(self.batch)
                self.batch = None

    def _begin(self) -> bool:
        return not (self.doubted and self.world.rules.fences)

    def _produce(self) -> bool:
        broker = self.world.broker
        if broker.epochs[self.name] != self.epoch:
            return False
        found = broker.open.setdefault(self.name, Transaction())
        found.records += [(message.partition(), message.offset()) for message in self._messages()]
        return True

    def _send_offsets(self) -> bool:
        broker = self.world.broker
        if broker.epochs[self.name] != self.epoch or self.name not in broker.open:
            return False
        if self.world.rules.checks_member and self.member != self.prepared_by:
            return False
        if self.member not in broker.members:
            return False
        if broker.members[self.member] != self.generation:  # ILLEGAL_GENERATION: aborted, and written again
            broker.open.pop(self.name)
            self._plan()
            return True
        broker.open[self.name].offsets |= self._offsets()
        return True

    def _send_alone(self) -> bool:
        self.world.broker.commit([], self._offsets())
        return True

    def _commit(self) -> bool:
        broker, world = self.world.broker, self.world
        what = world.random.random()
        if (
            what < world.late_share
        ):  # the connection breaks: librdkafka repeats the request, the first one is on its way
            world.late.append((self.name, self.epoch))
            self.doubted = True
        elif what < 2 * world.late_share:  # it breaks behind the answer
            self.doubted = True
        return broker.end(self.name, self.epoch, commits=True)

    def _messages(self) -> list[Any]:
        return list(self.batch.messages) if self.batch else []

    def _offsets(self) -> dict[int, int]:
        return {partition: offset for (_, partition), offset in (self.batch or Batch()).next_offsets.items()}


class World:
    """Scorers, their broker, and the faults."""

    def __init__(self, seed: int, rules: Rules, scorers: int = 3, late_share: float = 0.03) -> None:
        self.random, self.rules, self.late_share = Random(seed), rules, late_share
        self.broker = Broker()
        self.late: list[tuple[str, int]] = []
        self.scorers = [Scorer(f"scorer-{number}", self) for number in range(scorers)]

    def run(self, steps: int) -> None:
        """Take so many steps with faults, then let the survivors work everything off.

        Raises:
            NotOnce: a record was scored twice, or is not scored in the end.
        """
        for _ in range(steps):
            self._step()
        self.late_share = 0.0
        for scorer in self.scorers:
            if not scorer.is_running:
                scorer.start()
            scorer.is_frozen = False
        for _ in range(400):
            for scorer in self.scorers:
                scorer.heartbeat()
                scorer.write()
                scorer.poll()
        wanted = {(partition, offset) for partition, end in enumerate(self.broker.ends) for offset in range(end)}
        if missing := wanted - self.broker.scored.keys():
            raise NotOnce(f"{sorted(missing)[:3]} are not scored: {self.broker.offsets} of {self.broker.ends}")

    def _step(self) -> None:
        draw = self.random.random()
        scorer = self.random.choice(self.scorers)
        if draw < 0.1:
            self.broker.ends[self.random.randrange(PARTITIONS)] += 1
        elif draw < 0.14:
            self._harm(scorer)
        elif draw < 0.16 and self.late:
            name, epoch = self.late.pop(self.random.randrange(len(self.late)))
            self.broker.end(name, epoch, commits=True)
        elif not scorer.is_running:
            scorer.start()
        elif not scorer.is_frozen:
            # Writing is slow, so that a rebalance may come and go while a batch is in flight.
            self.random.choice((scorer.heartbeat, scorer.heartbeat, scorer.poll, scorer.poll, scorer.write))()

    def _harm(self, scorer: Scorer) -> None:
        """Kill, freeze, thaw, evict, abort at the timeout, or end for good."""
        match self.random.randrange(6):
            case 0:
                scorer.is_running = False
            case 1:
                scorer.is_frozen = True
            case 2:
                scorer.is_frozen = False
            case 3 if scorer.is_frozen or not scorer.is_running:
                self.broker.evict(scorer.member)
            case 4 if scorer.is_frozen or not scorer.is_running:
                if scorer.name in self.broker.open:  # past its timeout: aborted, and its producer is fenced
                    self.broker.begin_epoch(scorer.name)
            case 5 if scorer.is_running and not scorer.is_frozen:
                scorer.leave()


@dataclass(frozen=True, slots=True)
class _Message:
    """What Ownership.accept() asks of a message."""

    number: int
    place: int

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.place

    def error(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return (1, 0)


def _places(partitions: set[int]) -> list[TopicPartition]:
    return [TopicPartition(TOPIC, partition) for partition in sorted(partitions)]
