"""The verbs: poll, deliver, backtest."""
