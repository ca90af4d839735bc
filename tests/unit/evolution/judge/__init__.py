"""The judge: statistics by themselves, decisions on small real targets."""
