"""The kinds of edits, one file each, named after the kind; every file ends with `KIND = <its class>()`."""
