"""Start-up of the kernel."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    verbose_name = "Marketplace"

    def ready(self) -> None:
        from marketplace import checks, handlers, registration  # noqa: F401
        from marketplace.database_guard import secure_after_migrate

        post_migrate.connect(secure_after_migrate, dispatch_uid="database_guard")


class SupportAdminConfig(AdminConfig):
    """Django admin, with our site in the place of its own."""

    default_site = "marketplace.support_door.site.SupportSite"
