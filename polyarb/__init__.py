"""Staged-rollout toolkit for prediction-market arbitrage on Polymarket."""

__version__ = "0.1.0"
