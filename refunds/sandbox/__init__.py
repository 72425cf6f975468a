"""The embedded fake payment gateway: its own process, its own durable book, no Django.

Run it with ``python -m refunds.sandbox --port N --data DIR``. It answers three sorts of callers:

- the Stripe door (``/v1/...``): the slice of Stripe's REST API that ``refunds.gateways.stripe`` uses;
- the native door (``/refunds``, ``/payments``): plain JSON, for ``refunds.gateways.sandbox``;
- the control door (``/_control``, ``/_book``, ``/_reset``, ``/healthz``, ``/``): tests and people.

It keeps a real gateway's promises (idempotency keys, no refund above the payment, a book that outlives the
process) until the control door tells it to break one; ``faults.py`` lists how.
"""
