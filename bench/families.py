"""The scorer's rate with another family of models: payments at terminals, beside the cards' in turn.

Each scores a full topic with its own contract, model and history, in one process.
"""

from pathlib import Path

from bench.figures import Figures, Goal, figure, ratio
from bench.rates import score_all
from bench.servers import Servers
from services.common.process import raise_gc_threshold
from services.scorer.models.load import load_model
from services.scorer.settings import ScorerSettings
from tests.support.families import terminals

DAYS = 60
PAYMENTS_A_DAY = 1.95
"""Of a customer, on average, in the handbook's simulation."""


def measure(servers: Servers, csv_file: Path, rows: int, rounds: int) -> Figures:
    """Return both rates and their ratio."""
    raise_gc_threshold()  # as the service does
    other = terminals.write(servers.folder, customers=round(rows / DAYS / PAYMENTS_A_DAY), days=DAYS)
    model_dir, cards_topics, topics = ScorerSettings().model_dir, *map(servers.make_topics, ("cards", "terminals"))
    servers.send(csv_file, cards_topics)
    servers.send(other.sample, topics, SCORER_MODEL_DIR=str(other.folder))
    cards_model, model = load_model(model_dir), load_model(other.folder)
    cards: list[float] = []
    found: list[float] = []
    for number in range(rounds):
        cards.append(score_all(servers, cards_topics, rows, f"cards-{number}", cards_model))
        found.append(score_all(servers, topics, len(other.frauds), f"terminals-{number}", model))
        print(f"  cards {cards[-1]:,.0f}, terminals {found[-1]:,.0f} messages/s", flush=True)
    return {
        "family_cards": figure("cards: 17 fields, 25 features", cards, "messages/s"),
        "family_terminals": figure("terminals: 4 fields, 12 features over 1, 7 and 30 days", found, "messages/s"),
        "family_ratio": ratio("terminals / cards", found, cards, goal=Goal(at_least=0.8)),
    }
