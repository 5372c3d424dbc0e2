"""The paper's results section over what `make reproduce` left in OUT (results.py).

out.py reads OUT; a module a part (table2, table3, ..., ablation) turns what is there
into a Section of tables and pictures; page.py puts the sections together, and html and
Markdown are written from the same tables.
"""
