from ...unit.deployment.rollout.conftest import running, shop

__all__ = ["running", "shop"]
