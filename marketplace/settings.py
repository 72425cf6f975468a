"""All settings, read from the environment only; a value that makes no sense is refused at start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be 0 or 1, not {value!r}.")


def number(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    if not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {value!r}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str, url: str) -> dict[str, Any]:
    """postgres://user:password@host:port/name?host=/socket/dir -> Django's dictionary."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must be a postgres:// address.")
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "redress",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": query.pop("port", "") or str(parts.port or ""),
        "CONN_MAX_AGE": number("CONN_MAX_AGE", 60),
        "DISABLE_SERVER_SIDE_CURSORS": True,  # pgbouncer in transaction mode
        "OPTIONS": {"application_name": "redress", **query},
    }


DEBUG = flag("DEBUG")
REDRESS_DEMO = flag("REDRESS_DEMO")
SECRET_KEY = text("SECRET_KEY")
if not SECRET_KEY:
    if not (DEBUG or REDRESS_DEMO or flag("REDRESS_TESTING") or flag("REDRESS_BUILD")):
        raise ImproperlyConfigured("SECRET_KEY is not set. Give at least 50 random characters.")
    SECRET_KEY = "only-for-the-demo-and-the-tests-" + "0123456789abcdefghijklmnop"
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")

BASE_URL = text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
if urlsplit(BASE_URL).scheme not in {"http", "https"} or not urlsplit(BASE_URL).hostname:
    raise ImproperlyConfigured("BASE_URL must be an http:// or https:// address.")
IS_HTTPS = urlsplit(BASE_URL).scheme == "https"
ALLOWED_HOSTS = words("ALLOWED_HOSTS") or [
    urlsplit(BASE_URL).hostname or "localhost",
    "127.0.0.1",
    "localhost",
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
VAR_DIR = Path(text("VAR_DIR", str(BASE_DIR / "var")))

DATABASE_URL = text("DATABASE_URL", "postgres://redress_login@127.0.0.1:5432/redress")
DATABASES = {"default": database("DATABASE_URL", DATABASE_URL)}
DATABASE_OWNER_URL = text("DATABASE_OWNER_URL")
RUNS_AS_OWNER = flag("REDRESS_AS_OWNER")  # for `migrate` alone
if RUNS_AS_OWNER and DATABASE_OWNER_URL:
    DATABASES = {"default": database("DATABASE_OWNER_URL", DATABASE_OWNER_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = text("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "marketplace.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "redress",
    }
}

INSTALLED_APPS = [
    "marketplace.apps.MarketplaceConfig",
    "refunds.apps.RefundsConfig",
    "returns.apps.ReturnsConfig",
    "marketplace.apps.SupportAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "marketplace.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "marketplace.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "marketplace.middleware.TenantMiddleware",
]

ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marketplace.portal.context",
            ],
            "builtins": ["marketplace.templatetags.redress"],
        },
    }
]

AUTH_USER_MODEL = "marketplace.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "marketplace.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "marketplace.accounts.SignInForm",
    "reauthenticate": "marketplace.accounts.ReauthenticateForm",
    "change_password": "marketplace.accounts.ChangePasswordForm",
    "reset_password": "marketplace.accounts.ResetPasswordForm",
    "reset_password_from_key": "marketplace.accounts.ResetPasswordKeyForm",
}
# Slow-down per address of the network and per e-mail; five wrong passwords rest one e-mail for five minutes.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if flag("BEHIND_PROXY") else 0
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
PASSWORD_RESET_TIMEOUT = 2 * 3600
MFA_ADAPTER = "marketplace.accounts.MfaAdapter"
MFA_FORMS = {
    "authenticate": "marketplace.accounts.CodeForm",
    "reauthenticate": "marketplace.accounts.ConfirmCodeForm",
    "activate_totp": "marketplace.accounts.ActivateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Redress"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["marketplace.api_defaults.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["marketplace.api_defaults.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["marketplace.throttle.PerKeyThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "marketplace.api_defaults.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "marketplace.api.Schema",
    "EXCEPTION_HANDLER": "marketplace.api_defaults.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Redress API",
    "DESCRIPTION": "Returns and refunds of marketplace sellers. Money is in minor units with an ISO 4217 code.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ReturnStatus": "returns.models.ReturnRequest.Status",
        "RefundStage": "refunds.models.RefundRequest.Status",
        "RefundStatus": "refunds.models.PublicStatus",
    },
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if flag("STATIC_MANIFEST")
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600  # absolute, OWASP ASVS 5.0 7.3.2
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "redress_session" if not IS_HTTPS else "__Host-redress_session"
CSRF_COOKIE_NAME = "redress_csrf" if not IS_HTTPS else "__Host-redress_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_FAILURE_VIEW = "marketplace.views.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS and flag("SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("BEHIND_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

email_parts = urlsplit(text("EMAIL_URL", "smtp://127.0.0.1:25"))
if email_parts.scheme not in {"smtp", "smtps"}:
    raise ImproperlyConfigured("EMAIL_URL must be an smtp:// or smtps:// address.")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = email_parts.hostname or "127.0.0.1"
EMAIL_PORT = email_parts.port or (465 if email_parts.scheme == "smtps" else 25)
EMAIL_HOST_USER = unquote(email_parts.username or "")
EMAIL_HOST_PASSWORD = unquote(email_parts.password or "")
EMAIL_USE_SSL = email_parts.scheme == "smtps"
EMAIL_USE_TLS = "tls=1" in email_parts.query
EMAIL_TIMEOUT = number("EMAIL_TIMEOUT", 10, least=1)
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL", "Redress <redress@localhost.localdomain>")
BOUNCE_ADDRESS = text("BOUNCE_ADDRESS")  # where bounces go, as local+token@domain; default the sender's address
MAILBOX_DIR = Path(text("MAILBOX_DIR", str(VAR_DIR / "mailbox")))

SANDBOX_GATEWAY_URL = text("SANDBOX_GATEWAY_URL")
STRIPE_API_KEY = text("STRIPE_API_KEY")
STRIPE_API_BASE = text("STRIPE_API_BASE")
GATEWAY_READ_TIMEOUT = number("GATEWAY_READ_TIMEOUT", 20, least=1)
FIELD_KEYS = words("FIELD_KEYS")
API_REQUESTS_PER_MINUTE = number("API_REQUESTS_PER_MINUTE", 3000, least=1)
IMPORT_MAX_ROWS = number("IMPORT_MAX_ROWS", 250_000, least=1)
IMPORT_MAX_BYTES = number("IMPORT_MAX_BYTES", 200 * 1024 * 1024, least=1)

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = "UTC"
# What the clock sweeps, and how often in seconds; tasks are named by string, the kernel imports no domain app.
CELERY_BEAT_SCHEDULE = {
    "drain-outbox": {"task": "marketplace.tasks.drain_outbox", "schedule": 2.0, "options": {"expires": 10}},
    "send-mail": {"task": "marketplace.tasks.send_mail", "schedule": 3.0, "options": {"expires": 10}},
    "forget-old": {"task": "marketplace.tasks.forget_old", "schedule": 3600.0, "options": {"expires": 600}},
    "sweep-returns": {"task": "returns.tasks.sweep_deadlines", "schedule": 5.0, "options": {"expires": 20}},
    "execute-refunds": {"task": "refunds.tasks.execute_due", "schedule": 2.0, "options": {"expires": 10}},
    "reconcile-refunds": {"task": "refunds.tasks.reconcile", "schedule": 900.0, "options": {"expires": 600}},
    "sweep-refunds": {"task": "refunds.tasks.sweep_deadlines", "schedule": 60.0, "options": {"expires": 50}},
    "recompute-budgets": {
        "task": "refunds.tasks.recompute_budgets",
        "schedule": 86_400.0,
        "options": {"expires": 3600},
    },
    "check-invariants": {
        "task": "refunds.tasks.check_invariants",
        "schedule": 86_400.0,
        "options": {"expires": 3600},
    },
    "resume-imports": {
        "task": "marketplace.imports.tasks.resume",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "marketplace.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": text("LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
