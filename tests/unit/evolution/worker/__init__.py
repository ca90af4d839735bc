"""The harness inside the sandbox: digests, wire, swapping, profiling, the parked pytest session."""
