"""Services as processes: one detached supervisord a deployment directory, driven over its unix socket.

`supervisord.py` starts, finds and asks it; `process.py` is the backend on it. Two small programs run below it and
import nothing of this package: `holder.py` keeps the listening sockets, of which `steering.py` says which release the
next connection goes to, and `launch.py` becomes the service with its environment and its socket. `relay.py` leads a
verification to a release that no other connection reaches yet.
"""
