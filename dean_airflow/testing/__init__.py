"""For tests, ours and users': stubs of the services, a fault proxy, and pytest fixtures that give them."""
