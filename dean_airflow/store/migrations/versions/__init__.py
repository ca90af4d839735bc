"""One file per revision, never changed once released. A new one is also named in `migrate.REVISIONS`."""
