"""Return requests: a buyer asks, the seller decides, the goods come back."""
