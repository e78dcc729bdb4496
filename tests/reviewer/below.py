"""The desk below an address of its own, as another project mounts it."""

from django.urls import include, path

urlpatterns = [path("desk/", include("reviewer.urls"))]
