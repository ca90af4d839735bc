"""What a deployment is given besides its files: secrets, templates, hooks."""
