"""What can be proven about a function from its syntax: scopes, names, purity, order of evaluation."""
