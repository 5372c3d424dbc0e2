"""Reports: HTML pages (and Markdown, CSV) of evaluations, beside the paper's numbers.

tables.py lays out every table of the project, pages.py every page. run_page.py is the
page of a few evaluated nets; paper_page.py is the paper's results section over the
folder that `make reproduce` fills (results.py reads it).
"""
