"""The ``leeward`` command: it speaks to the app over HTTP and reads its evidence, and imports nothing of ours."""
