"""The store: rows inside, model outside.

:mod:`oai.store.schema` has the tables, :mod:`oai.store.repository` answers the provider from
them, :mod:`oai.store.publishing` is the one place that changes what harvesters see.
"""
