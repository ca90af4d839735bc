"""What asks the machine and the network: behind one small interface, so that checks can be run against another.

`Probes` says what can be asked, `SystemProbes` asks this machine. A probe that cannot be made here raises NotChecked.
"""
