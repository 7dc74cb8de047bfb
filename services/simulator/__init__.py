"""Simulated transactions: CSV files and a live stream that look like the competition's data.

The sample in this folder is made by:
`python -m services.simulator csv --rows 2000 --seed 4 --out services/simulator/sample.csv`
"""
