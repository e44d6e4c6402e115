"""Plotly figures of the report.

No text from outside (labels, file names) goes into a figure: plotly reads its text as a kind of HTML.
A figure without data is returned empty, and the page says in words why.
"""
