"""For ``gunicorn -c config/gunicorn.conf.py wsgi:app``: what ``oai serve`` runs with, as a start."""

from oai.server import gunicorn_settings
from oai.settings import load

globals().update(gunicorn_settings(load()))

bind = "127.0.0.1:8080"
