"""Leeward's tests; a regular package because an SDK wheel ships a top-level ``tests`` of its own."""
