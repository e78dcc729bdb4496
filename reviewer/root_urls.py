"""The project's own URLs: the desk at the root and the Admin beside it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("reviewer.urls")),
]

handler400 = "reviewer.views.errors.bad_request"
handler403 = "reviewer.views.errors.permission_denied"
handler404 = "reviewer.views.errors.not_found"
handler500 = "reviewer.views.errors.server_error"
