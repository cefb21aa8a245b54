"""The app and the simulated Azure, up until Ctrl-C."""
