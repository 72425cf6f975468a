"""Money that goes back: budgets, refund requests, the executor, the gateways."""
