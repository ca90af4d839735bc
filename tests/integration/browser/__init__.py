"""DEAN's pages in a real browser, against a real api-server: what readers see, may do, and are told when it fails."""
