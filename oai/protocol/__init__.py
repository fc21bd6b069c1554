"""The Open Archives Initiative Protocol for Metadata Harvesting, version 2.0, by itself.

Nothing here knows a web framework, a database or a clock. "§" in these docstrings is a
section of the specification, http://www.openarchives.org/OAI/2.0/openarchivesprotocol.htm.
"""
