"""The steps, one file each, so that a change in one leaves the others cached.

What is imported here would be code of all of them.
"""
