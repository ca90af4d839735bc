"""What is between a client's method and the wire: deadline, attempts, circuit breaker, credential, connection.

`caller` puts them around a call; `transport` is the only place of the package that opens a connection to a service.
"""
