"""Durable state with one writer each."""
