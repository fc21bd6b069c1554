"""The application for any WSGI server: ``gunicorn -c config/gunicorn.conf.py wsgi:app``."""

from oai.settings import load
from oai.web import create_app

app = create_app(load())
