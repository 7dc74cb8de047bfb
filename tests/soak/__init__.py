"""Hours under load on a stack of its own: does anything grow?"""
