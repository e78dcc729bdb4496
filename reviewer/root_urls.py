"""The project's own URLs: the desk at the root and the Admin beside it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("reviewer.urls")),
]
