"""The project's own URLs: the desk at the root and the Admin beside it."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from reviewer.views import errors

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("reviewer.urls")),
]
if settings.DEBUG:
    # Django would show its own page, a yellow one for developers. Only with a slash at its end, so that
    # addresses without one are still led to those with one.
    urlpatterns.append(re_path(r"^(?!static/|admin/).*/$", errors.unknown))

handler400 = "reviewer.views.errors.bad_request"
handler403 = "reviewer.views.errors.permission_denied"
handler404 = "reviewer.views.errors.not_found"
handler500 = "reviewer.views.errors.server_error"
