"""Leeward on one machine: a Functions host, a simulated Azure and the clock they share."""
