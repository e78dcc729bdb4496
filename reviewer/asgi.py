"""The project's ASGI application: Django for HTTP, the live desk on its sockets."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reviewer.settings")
pages = get_asgi_application()

# Imported only now: its consumers need the apps that the line above has loaded.
import reviewer.live.asgi  # noqa: E402

application = reviewer.live.asgi.application(pages)
