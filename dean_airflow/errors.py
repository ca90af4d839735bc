"""Every error DEAN raises on purpose.

Each message is one clear sentence for the person who started the trial: what was wrong, where, and what to do.
"""


class DeanError(Exception):
    """Base of all of them; its text is shown to users as it is."""


class ConfigurationError(DeanError):
    """A setting or a param is missing, malformed or out of range."""


class TargetError(DeanError):
    """The repository cannot be worked on: not a repository, unknown ref, nothing in Python, ..."""


class InstallError(DeanError):
    """The target's own environment could not be installed."""


class BaselineError(DeanError):
    """The unchanged target does not qualify: failing tests, a non-deterministic benchmark, no benchmark, ..."""


class SandboxError(DeanError):
    """No sandbox of the wanted level can be had here, or one broke."""


class EditError(DeanError):
    """An edit's text form does not parse, or the edit does not apply to this source."""


class StoreError(DeanError):
    """The store cannot be reached, is read-only, full, or written by a newer version."""


class TrialCancelled(DeanError):
    """The trial was stopped; whoever was working on it must not write any more."""


class LeaseLost(DeanError):
    """Another attempt has taken this island over; this one must stop writing."""


class PublishError(DeanError):
    """The branch, patch or report could not be handed over."""


class TrialNotFound(StoreError):
    """No trial has this id."""


class IllegalTransition(StoreError):
    """A trial's status was asked to change in a way its life does not allow."""


class LeaseHeld(DeanError):
    """Another task is working on this island right now."""


class RulesError(DeanError):
    """A file of alert rules, or of series to try them on, has mistakes; each on a line of its own."""


class SilenceError(DeanError):
    """A silence is not possible as asked for, or there is none with this id."""


class DeploymentError(DeanError):
    """The deployment cannot be looked at: no such directory, nothing to deploy in it, a broken list of ignores, ..."""


class DeploymentNotFound(StoreError):
    """No deployment, or no validation, has this id."""


class DeploymentLocked(DeanError):
    """Another deployment is at work in this directory right now."""


class DeploymentLockLost(DeanError):
    """Another attempt, or another deployment, has taken this directory over; this one must stop."""
