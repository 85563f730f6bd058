"""Reports for people: a page for one call, a summary of many. Built from events, without clock or network.

A page is one file that loads nothing, neither scripts nor fonts nor pictures. Its policy says so, too.
"""
