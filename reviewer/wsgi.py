"""The project's WSGI application. The desk works without sockets; it polls then."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reviewer.settings")
application = get_wsgi_application()
