"""A framework container's own package."""
