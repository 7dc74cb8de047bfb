"""The analysts' verdicts as outcomes, for the commands that train or measure by them."""

OUTCOMES = """
    select transaction_id, verdict = 'fraud' as fraud from (
        select distinct on (transaction_id) transaction_id, verdict from verdicts order by transaction_id, ordinal desc
    ) last where verdict in ('fraud', 'false_alarm')
"""
"""SQL query: the outcome of each transaction by its last verdict; one that was returned to the queue has none."""
