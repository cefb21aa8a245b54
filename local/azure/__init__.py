"""The simulator: Azure Site Recovery, Traffic Manager, Compute and the world around them."""
