"""The delivered library: the model as C that a user's own build takes in.

Files are text from `templates/library/`, filled in with what is known of a model and its task
(`facts`); an engine adds the C that runs it. Imports what a model is (`verdict`, `contract`,
`quantisation`) and `render`, no plug-in.
"""
