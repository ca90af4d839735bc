"""What would be done: `release.py` is what runs of a service, `order.py` in which order, `plan.py` both together."""
