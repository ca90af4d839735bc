"""What is found out about the unchanged target before anything is proposed: tests, determinism, noise, hot spots."""
