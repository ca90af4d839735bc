"""The services as a program sees them: one class a service, one method a route, models of the contract in and out.

A pool makes them; how calls are made is not known here.
"""
