"""What a behavioural edit must show beyond equal output and green tests: that the tests would notice changes of the
lines it changes, and that the functions it changes do the same on inputs varied from recorded ones.
"""
