"""Docker's behaviour."""
