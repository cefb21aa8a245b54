"""The doors of the app: parse, start or signal, answer."""
