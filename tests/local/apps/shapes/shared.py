"""A module with a name that another app uses too."""

OWNER = "shapes"
