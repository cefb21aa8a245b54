"""The demo: a region outage, told from outside, through the app's own doors."""
