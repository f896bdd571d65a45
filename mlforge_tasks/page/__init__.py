"""The report as one HTML file: what was asked, what was tried, what came out, how to repeat it.

A section is a module with `section(found) -> Section | None` and a line in `page.py`;
its text is a template below `templates/page/`. Imports records (`verdict`, `contract`) and what
lies below them, no plug-in and no stage: a section reads the folders of stages.
"""
