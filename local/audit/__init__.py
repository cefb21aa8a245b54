"""Are the packages that ship known to be vulnerable?"""
