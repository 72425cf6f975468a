"""A project as bare as it gets: one app, one middleware, JSON in and out; the same database and pooling as ours."""

from __future__ import annotations

import os

from marketplace.settings import database

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["rest_framework", "returns.bench.floor.apps.FloorConfig"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "returns.bench.floor.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SCHEMA = "bench_floor"
DATABASES = {"default": database("DATABASE_OWNER_URL", os.environ["DATABASE_OWNER_URL"])}
DATABASES["default"]["OPTIONS"]["options"] = f"-c search_path={SCHEMA}"
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "UNAUTHENTICATED_USER": None,
}
