"""A trial's report: `report.json` for programs, and `report.html`, one page that needs nothing but itself.

`data.py` is what both say, `tallies.py` and `lineage.py` sum up evaluations, `charts.py` draws (on `svg.py`), and
`render.py` writes. Whatever comes from a target is text to the page, never markup.
"""
