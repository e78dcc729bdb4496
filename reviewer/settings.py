"""Settings of the review desk as a project of its own. Everything a deployment chooses is in its environment.

SECRET_KEY              demanded, unless `make run` has made one in var/
DATABASE_URL            postgres://… or sqlite:////…; left out, a SQLite file in var/
REDIS_URL               on PostgreSQL: runs go to workers over Celery, live pages over Redis
ALLOWED_HOSTS           comma-separated; left out, this machine only
CSRF_TRUSTED_ORIGINS    comma-separated, with scheme
HTTPS                   1 behind a proxy that ends TLS: secure cookies, X-Forwarded-Proto believed
HITL_WORKFLOWS          comma-separated modules with workflows; left out, the demo's
HITL_EXECUTOR           dotted path of the executor; left out, what fits the database and REDIS_URL
HITL_BROKER_URL         where Celery's messages go, if not to REDIS_URL: amqp://… for RabbitMQ
HITL_CONCURRENCY, HITL_LEASE_SECONDS and the other numbers
                        as docs/operations.md tells of the settings of these names
HITL_CODE_VERSION       what is recorded as the version of the workflows' code, such as the commit
HITL_RETENTION          what is forgotten when, as JSON: {"*": {"days": 365, "keep": "nothing"}}
HITL_METRICS_TOKEN      what a scraper of /metrics has to send; left out, only administrators see them
DATA_DIR                for the database, static files and the key; left out, var/
LANGUAGES               codes, comma-separated: what people may read the desk in, the first where theirs is not among
                        them; left out, en,de. Catalogues of others lie in DATA_DIR/locale
TIME_ZONE, LOG_LEVEL    as Django and logging have them; each page is in its reader's own zone
LOG_FORMAT              json for one JSON object a line; left out, lines for people
DEBUG, HITL_DEMO        set by `make run` alone: debugging; people with known passwords
"""

from __future__ import annotations

import os
from pathlib import Path

from reviewer import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DATA_DIR") or BASE_DIR / "var")

DEBUG = environment.flag("DEBUG")
HITL_DEMO = environment.flag("HITL_DEMO")
SECRET_KEY = environment.secret_key(DATA / "secret_key", generate=DEBUG)
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")

if environment.flag("HTTPS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "hitl",
    "reviewer",
    "channels",
    "django_htmx",
    "template_partials",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "reviewer.middleware.ReviewerMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "reviewer.root_urls"
ASGI_APPLICATION = "reviewer.asgi.application"
WSGI_APPLICATION = "reviewer.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # In the tree they lie at the top, in the wheel inside the app.
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": environment.database(DATA / "hitl.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": environment.channel_layer()}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
CSRF_FAILURE_VIEW = "reviewer.views.errors.csrf_failure"
LOGIN_URL = "reviewer:login"
LOGIN_REDIRECT_URL = "reviewer:queue"
LOGOUT_REDIRECT_URL = "reviewer:login"

LANGUAGES = environment.languages()
LANGUAGE_CODE = LANGUAGES[0][0]
LOCALE_PATHS = [DATA / "locale"]
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")

STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

HITL_WORKFLOWS = environment.words("HITL_WORKFLOWS", default="reviewer.demo.workflows,reviewer.demo.agents")
HITL_EXECUTOR = environment.executor(DATABASES["default"])
HITL_BROKER_URL = environment.broker()
HITL_CODE_VERSION = os.environ.get("HITL_CODE_VERSION", "")
HITL_RETENTION = environment.json_object("HITL_RETENTION")
globals().update(
    environment.numbers("CONCURRENCY", "JOURNAL_THREADS", "MAX_VALUE_BYTES", "MAX_ARGUMENTS_BYTES", kind=int)
)
globals().update(
    environment.numbers(
        *("LEASE_SECONDS", "SWEEP_SECONDS", "STOP_SECONDS", "UNDO_SECONDS", "DATABASE_PATIENCE_SECONDS"), kind=float
    )
)
if HITL_EXECUTOR == environment.PROCRASTINATE:
    # Its migrations are for PostgreSQL alone.
    INSTALLED_APPS += ["procrastinate.contrib.django"]

HITL_METRICS_TOKEN = os.environ.get("HITL_METRICS_TOKEN", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"run": {"()": "hitl.logs.RunFilter"}},
    "formatters": {"chosen": {"()": environment.log_formatter()}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["run"]}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        # Django's own handlers would print each line a second time.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "uvicorn.error": {"level": "WARNING"},
        # At DEBUG it would write every statement with its values.
        "django.db.backends": {"level": "INFO"},
        # They tell of every nudge; what is wrong they tell as well.
        "procrastinate": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
    },
}
