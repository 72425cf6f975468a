"""Where the buyer's pages are, below /r/<slug>/."""

from django.urls import path

from returns.buyer.views import asking, entering, following

app_name = "buyer"
urlpatterns = [
    path("", entering.landing, name="landing"),
    path("find/", entering.find, name="find"),
    path("code/", entering.code, name="code"),
    path("gift/", entering.gift, name="gift"),
    path("gift/sent/", entering.gift_sent, name="gift_sent"),
    path("l/<str:token>/", entering.link, name="link"),
    path("leave/", entering.leave, name="leave"),
    path("language/", entering.language, name="language"),
    path("orders/", asking.orders, name="orders"),
    path("orders/<str:public_id>/", asking.order, name="order"),
    path("orders/<str:public_id>/reasons/", asking.reasons, name="reasons"),
    path("orders/<str:public_id>/check/", asking.check, name="check"),
    path("returns/", following.returns, name="returns"),
    path("returns/<str:public_id>/", following.status, name="status"),
    path("returns/<str:public_id>/sent/", asking.sent, name="sent"),
    path("returns/<str:public_id>/withdraw/", following.withdraw, name="withdraw"),
    path("returns/<str:public_id>/ship/", following.ship, name="ship"),
    path("returns/<str:public_id>/slip/", following.slip, name="slip"),
]
